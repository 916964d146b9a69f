// The charts of a gateway's page. Their figures come from this server, and are drawn again every five minutes.
const place = document.getElementById("charts");
const plots = [];
const locale = document.documentElement.lang === "en" ? "en-GB" : "id-ID";

const number = (value) => value.toLocaleString(locale, { maximumFractionDigits: 1 });
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const label = () => {
  const day = place.dataset.span === "24h" ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  const format = new Intl.DateTimeFormat(locale, { ...day, timeZone: place.dataset.zone });
  return (seconds) => format.format(new Date(seconds * 1000));
};

// In the unit of the chart: bytes are shown in GB.
const inUnit = (values, unit) => (unit === "GB" ? values.map((each) => (each === null ? null : each / 1e9)) : values);

const last = (values) => {
  const found = values.findLastIndex((each) => each !== null);
  return found < 0 ? null : found;
};

const draw = (figure, data) => {
  const { unit, series, names } = figure.dataset;
  const words = names.split(",");
  const columns = series.split(" ").map((name) => inUnit(data[name], unit));
  const output = figure.querySelector("output");
  const time = label();
  const say = (at) => {
    const parts = columns.map((values, n) => {
      const place = at ?? last(values);
      return place === null || values[place] === null ? "" : `${words[n]} ${number(values[place])}`;
    }).filter(Boolean);
    output.textContent = parts.length ? `${parts.join(", ")} ${unit}${at == null ? "" : `, ${time(data.times[at])}`}` : place.dataset.none;
  };
  const axis = { stroke: colour("--chart-text"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false } };
  const plot = figure.querySelector(".plot");
  plot.replaceChildren();
  const made = new uPlot({
    width: plot.clientWidth,
    height: 160,
    legend: { show: false },
    cursor: { y: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), place.dataset.zone),
    scales: { y: { range: unit === "%" ? [0, 100] : (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.1] } },
    axes: [
      { ...axis, values: (_, times) => times.map(time), space: 60, size: 30 },
      { ...axis, values: (_, values) => values.map(number), size: 64 },
    ],
    series: [{}, ...columns.map((_, n) => ({
      stroke: colour(n ? "--warn" : "--gardu"), width: 2, dash: n ? [4, 4] : undefined, points: { size: 4 },
    }))],
    hooks: { setCursor: [(self) => say(self.cursor.idx)] },
  }, [data.times, ...columns], plot);
  say(null);
  plots.push([made, plot]);
};

const renew = async () => {
  if (document.hidden) return;
  const answer = await fetch(place.dataset.source, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) return;
  const data = await answer.json();
  plots.splice(0).forEach(([made]) => made.destroy());
  place.querySelectorAll(".chart").forEach((figure) => draw(figure, data));
  place.dataset.drawn = "yes";
};

if (place) {
  renew();
  setInterval(renew, 300_000);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renew);
  addEventListener("resize", () => plots.forEach(([made, plot]) => made.setSize({ width: plot.clientWidth, height: 160 })));
}
