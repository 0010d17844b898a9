"use strict";
// Moves the numbers and the upright line of a symbol's charts with the pointer or the arrow keys.
const WIDTH = 1000, LEFT = 90, RIGHT = 996;

function sums(steps, none) {
  let at = 0;
  return steps.map((step) => (step === null ? none : (at += step)));
}

for (const section of document.querySelectorAll("section.symbol")) {
  const script = section.querySelector("script.numbers");
  if (!script) continue;
  const numbers = JSON.parse(script.textContent);
  const times = sums(numbers.time, null);
  const columns = numbers.columns.map((column) => sums(column.steps, null));
  const cells = [...section.querySelectorAll("dl.readout dd")];
  const lines = [...section.querySelectorAll("svg.chart line.cursor")];
  const last = times.length - 1;
  let shown = last;

  function show(point) {
    shown = Math.min(last, Math.max(0, point));
    const time = new Date(times[shown]).toISOString();
    cells[0].textContent = time.slice(0, 10) + " " + time.slice(11, 19) + " UTC";
    cells[1].textContent = numbers.labels[numbers.regime[shown]];
    columns.forEach((column, place) => {
      const digits = numbers.columns[place].digits;
      const value = column[shown];
      cells[place + 2].textContent = value === null ? numbers.none
        : (value / 10 ** digits).toLocaleString("en-US",
            { minimumFractionDigits: digits, maximumFractionDigits: digits });
    });
    const x = LEFT + shown * (RIGHT - LEFT) / Math.max(1, last);
    for (const line of lines) {
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  }

  for (const chart of section.querySelectorAll("svg.chart")) {
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * WIDTH;
      show(Math.round((x - LEFT) / (RIGHT - LEFT) * last));
    });
  }
  section.tabIndex = 0;
  section.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(shown + step * (event.shiftKey ? 20 : 1));
  });
}
