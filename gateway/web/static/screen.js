/* Shows what the gateway says, and goes on by itself when it was away. Plain old JavaScript, for old televisions. */
(function () {
  "use strict";
  var ASK = 1000, PATIENCE = 4000, RENEW = 6 * 3600 * 1000;
  var shown = null, got = 0, started = new Date().getTime(), listed = "", drawn = null;

  function by(id) { return document.getElementById(id); }
  function text(id, value) { if (by(id).textContent !== value) { by(id).textContent = value; } }
  function now() { return new Date().getTime(); }

  function ask() {
    var request = new XMLHttpRequest(), done = false;
    function next() { if (!done) { done = true; setTimeout(ask, ASK); } }
    request.open("GET", "/screen.json?" + now(), true);
    request.timeout = PATIENCE;
    request.onload = function () {
      try { if (request.status === 200) { take(JSON.parse(request.responseText)); } } finally { next(); }
    };
    request.onerror = request.ontimeout = request.onabort = next;
    request.send();
  }

  function take(said) {
    /* A page that has been open for hours is fetched anew, while the gateway is known to be there. */
    if (now() - started > RENEW) { location.reload(); return; }
    shown = said;
    got = now();
    receipts(said.receipts);
    draw();
  }

  function draw() {
    var left, passed = now() - got, main = by("screen");
    if (!shown || passed > 15000) {
      text("problem", "Menyambung ke gateway… SMS tetap diterima.");
    } else {
      text("problem", shown.ready ? "" : "Gateway belum menerima daftar pegawai. SMS disimpan dan menunggu.");
    }
    if (!shown) { return; }
    text("time", passed > 90000 ? "--:--" : shown.clock || "--:--");
    text("day", shown.day || "");
    if (shown.code === null) {
      main.className = "without";
      digits("HADIR", "");
      picture("");
      return;
    }
    left = shown.left - passed;
    main.className = left > 0 ? "" : "waiting";
    by("left").max = shown.life;
    by("left").value = Math.max(0, left);
    digits(shown.code.slice(0, 3), shown.code.slice(3));
    if (left > 0) { picture(shown.code); }
  }

  function digits(first, second) {
    text("first", first);
    text("second", second);
    var typed = document.querySelectorAll(".typed"), i;
    for (i = 0; i < typed.length; i += 1) { typed[i].textContent = second ? first + second : ""; }
  }

  function picture(of) {
    if (!shown.qr || drawn === of) { return; }
    drawn = of;
    by("qr").src = "/screen/qr.svg?" + (of || "plain");
    by("qr").hidden = by("scan").hidden = false;
  }

  function receipts(list) {
    var key = JSON.stringify(list), holder = by("receipts"), i, item, number;
    if (key === listed) { return; }
    listed = key;
    holder.textContent = "";
    for (i = 0; i < list.length; i += 1) {
      item = document.createElement("li");
      number = document.createElement("b");
      number.textContent = list[i].receipt;
      item.appendChild(number);
      item.appendChild(document.createTextNode(list[i].when + "  " + list[i].what + "  " + list[i].who));
      holder.appendChild(item);
    }
  }

  ask();
  setInterval(draw, 250);
}());
