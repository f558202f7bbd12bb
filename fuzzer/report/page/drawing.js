// A model as SVG, from boxes and arrows that have their places already.

function drawBox(box) {
  const x = box.x - box.w / 2, y = box.y - box.h / 2;
  return makeSvg("g", {class: `box ${box.mark}`},
    makeSvg("title", {}, box.lines.join("\n")),
    makeSvg("rect", {x, y, width: box.w, height: box.h, rx: box.mark === "port" ? box.h / 2.4 : 5}),
    box.lines.map((line, i) => makeSvg("text", {x: box.x, y: y + 19 + 16 * i, class: i === 0 ? "operator" : null}, line)));
}

function drawArrow(arrow, id) {
  return makeSvg("g", {class: arrow.bad ? "arrow bad" : "arrow"},
    makeSvg("title", {}, arrow.bad ? `${arrow.value}: values go wrong here first` : arrow.value),
    makeSvg("path", {d: arrow.path, "marker-end": `url(#${id})`}),
    makeSvg("text", {x: arrow.x, y: arrow.y + 4}, arrow.label));
}

let drawings = 0;
function drawModel(graph, title) {
  const id = `head-${++drawings}`, margin = 10;
  const kinds = ["gone", "new", "changed"].map(k => [graph.boxes.filter(b => b.mark === k).length, k]).filter(([n]) => n > 0);
  const words = `${title}: ${count(graph.boxes.filter(b => b.mark !== "port").length, "node")}` +
    kinds.map(([n, k]) => `, ${n} ${k}`).join("");
  return make("figure", {class: "model"},
    make("figcaption", {}, words, graph.cut ? ` (${graph.cut})` : ""),
    make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": title},
      makeSvg("svg", {
        role: "img", "aria-label": words, width: graph.w + 2 * margin, height: graph.h + 2 * margin,
        viewBox: `${-margin} ${-margin} ${graph.w + 2 * margin} ${graph.h + 2 * margin}`},
        makeSvg("defs", {}, makeSvg("marker", {id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
          orient: "auto"}, makeSvg("path", {d: "M0 0L8 4L0 8z", class: "head"}))),
        graph.arrows.map(a => drawArrow(a, id)), graph.boxes.map(drawBox))));
}

function modelLegend() {
  return make("ul", {class: "legend"}, [["gone", "gone after optimization"], ["new", "new"], ["changed", "changed inputs or attributes"],
    ["bad", "values go wrong here first"]].map(([kind, words]) => make("li", {class: kind}, words)));
}
