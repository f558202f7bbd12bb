// Expected against actual values: a map of log10 of the excess over the bound, and the worst elements.

const CELL_EQUAL = -99, CELL_BEYOND = 99;

// Blue within the bound, from yellow to dark red outside; grey where everything is open.
function heatColour(value) {
  if (value === null) return "#9a9a9a";
  if (value <= 0) return value === CELL_EQUAL ? "#2f6db5" : "#7fb0e0";
  const t = Math.min(1, value / 8);
  return `hsl(${Math.round(48 - 48 * t)} 85% ${Math.round(60 - 30 * t)}%)`;
}

function heatMap(output) {
  const {rows, columns, cells} = output;
  const size = Math.max(4, Math.min(28, Math.floor(560 / columns), Math.floor(420 / rows)));
  const canvas = make("canvas", {width: columns * size, height: rows * size, role: "img",
    "aria-label": `${output.outside} of ${output.elements} elements outside their bound, ${output.open} undecided`});
  const paint = canvas.getContext("2d");
  cells.forEach((value, i) => {
    paint.fillStyle = heatColour(value);
    paint.fillRect((i % columns) * size, Math.floor(i / columns) * size, size - (size > 6 ? 1 : 0), size - (size > 6 ? 1 : 0));
  });
  return canvas;
}

function heatLegend() {
  const steps = [[CELL_EQUAL, "equal"], [0, "within the bound"], [0.3, "outside"], [3, "1,000 times the bound"], [8, "10^8 and more"],
    [null, "undecided"]];
  return make("ul", {class: "legend"}, steps.map(([value, words]) => {
    const swatch = make("span", {class: "swatch", "aria-hidden": "true"});
    swatch.style.background = heatColour(value);
    return make("li", {class: "heat"}, swatch, words);
  }));
}

function outputView(output) {
  const head = make("h3", {}, `${output.name} `, make("span", {class: "faint"}, output.expected));
  if (output.difference) return [head, make("p", {}, output.difference)];
  if (!output.elements) return [head, make("p", {}, "No elements.")];
  return [head,
    make("p", {}, `${number(output.outside)} of ${count(output.elements, "element")} outside the bound, ${number(output.open)} undecided.`),
    make("div", {class: "tensor"},
      make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "map of the excess"}, heatMap(output)),
      plainTable("The worst elements", ["Element", "Expected", "Bound", "Actual", "Excess"],
        output.worst.map(w => [w.at, w.expected, w.bound, w.actual, w.excess]), [1, 2, 3, 4]))];
}

function tensorsView(tensors) {
  if (!tensors) return make("p", {class: "faint"}, "No actual values were written down: the system gave none, or the finding is of an older campaign.");
  return [tensors.set > 0 ? make("p", {}, `Data set ${tensors.set} of the finding.`) : null, heatLegend(), tensors.outputs.map(outputView)];
}
