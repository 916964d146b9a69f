// Pages that fetch themselves anew (hx-trigger="every …"): nobody looks at a hidden one, and one that can not be renewed
// says so, instead of showing what was as if it still were.
let renewed = new Date();

const locale = document.documentElement.lang === "en" ? "en-GB" : "id-ID";
const clock = (at) => at.toLocaleTimeString(locale, { hour12: false, timeStyle: "medium" });

const say = (problem) => {
  const note = document.getElementById("stale"); // which knows the sentence in the reader's language
  note.hidden = !problem;
  note.textContent = problem ? note.dataset.silent.replace("{time}", clock(renewed)) : "";
};

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, xhr } = event.detail;
  const elsewhere = xhr.responseURL && new URL(xhr.responseURL).pathname === "/login";
  if (elsewhere) location.reload();
  else if (successful) { renewed = new Date(); say(false); }
  else say(true);
});
