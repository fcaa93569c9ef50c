// Tables, lines and bars of the summary.
const INK = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)", "var(--c7)", "var(--c8)", "var(--c9)"];
const panel = (title, content) => make("section", {className: "panel"}, [make("h2", {textContent: title}), content]);
function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return size !== 0 && size < 1e-3 ? value.toExponential(1) : String(+value.toPrecision(4));
}
function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= raw * .999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({length: last - first + 1}, (_, i) => (first + i) * step);
}
function table(entry) {
  const line = (tag, cells) => make("tr", {}, cells.map(text => make(tag, {textContent: text})));
  const head = make("thead", {}, [line("th", entry.header)]), body = make("tbody", {}, entry.rows.map(row => line("td", row)));
  return panel(entry.title, make("div", {className: "scroll", tabIndex: 0, "aria-label": entry.title}, [make("table", {}, [head, body])]));
}
const WIDTH = 380, HEIGHT = 230, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 38;
function axes(chart, xs, ys, place, labels) {
  for (const y of ys) {
    chart.append(svg("line", {class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: place.y(y), y2: place.y(y)}));
    const mark = svg("text", {x: LEFT - 6, y: place.y(y) + 4, "text-anchor": "end"});
    mark.textContent = short(y);
    chart.append(mark);
  }
  for (const x of xs) {
    const mark = svg("text", {x: place.x(x), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle"});
    mark.textContent = short(x);
    chart.append(mark);
  }
  const across = svg("text", {x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 5, "text-anchor": "middle"});
  across.textContent = labels[0];
  const up = svg("text", {transform: `translate(10 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle"});
  up.textContent = labels[1];
  chart.append(across, up);
}
function scales(xs, ys) {
  const span = values => { const low = Math.min(...values), high = Math.max(...values); return low === high ? [low - .5, high + .5] : [low, high]; };
  const [x0, x1] = span(xs);
  let [y0, y1] = span(ys);
  if (y0 > 0 && y0 < y1 * .6) y0 = 0;
  return {
    x0, x1, y0, y1, x: x => LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT), y: y => HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM),
  };
}
function linePlot(plot) {
  const points = plot.series.flatMap(series => series.xs.map((x, i) => [x, series.ys[i]])).filter(([x, y]) => x !== null && y !== null);
  if (!points.length) return panel(plot.title, make("p", {className: "soft", textContent: "no values yet"}));
  const place = scales(points.map(p => p[0]), points.map(p => p[1]));
  const ends = plot.series.map(series => { const ys = series.ys.filter(y => y !== null); return ys.length ? `${series.name} ends at ${short(ys.at(-1))}` : `${series.name} has no values`; });
  const chart = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${plot.title}: ${plot.y_label} over ${plot.x_label}. ${ends.join(", ")}`});
  axes(chart, ticks(place.x0, place.x1, 5), ticks(place.y0, place.y1, 4), place, [plot.x_label, plot.y_label]);
  for (const [number, series] of plot.series.entries()) {
    let path = "", isOn = false;
    for (const [i, x] of series.xs.entries()) {
      const y = series.ys[i];
      if (x === null || y === null) { isOn = false; continue; }
      path += `${isOn ? "L" : "M"}${place.x(x).toFixed(1)} ${place.y(y).toFixed(1)}`;
      isOn = true;
      if (series.xs.length <= 40) { const dot = svg("circle", {cx: place.x(x), cy: place.y(y), r: 2.5}); dot.style.fill = INK[number % 10]; chart.append(dot); }
    }
    const curve = svg("path", {class: "curve", d: path});
    curve.style.stroke = INK[number % 10];
    chart.append(curve);
  }
  const keys = make("div", {className: "keys"}, plot.series.map((series, number) => { const swatch = make("i", {className: "swatch"}); swatch.style.color = INK[number % 10]; return make("span", {}, [swatch, series.name]); }));
  return panel(plot.title, make("div", {className: "plot"}, [chart, readout(chart, plot, place), keys]));
}
// The values under the pointer.
function readout(chart, plot, place) {
  const tip = make("div", {className: "tip", hidden: true}), guide = svg("line", {class: "guide", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden"});
  const xs = unique(plot.series.flatMap(series => series.xs)).filter(x => x !== null);
  chart.append(guide);
  chart.addEventListener("pointermove", event => {
    const box = chart.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * WIDTH;
    const x = xs.reduce((best, one) => Math.abs(place.x(one) - at) < Math.abs(place.x(best) - at) ? one : best);
    const values = plot.series.flatMap(series => { const i = series.xs.indexOf(x); return i < 0 || series.ys[i] === null ? [] : [make("div", {textContent: `${series.name}  ${short(series.ys[i])}`})]; });
    tip.replaceChildren(make("b", {textContent: `${plot.x_label} ${short(x)}`}), ...values);
    tip.hidden = false;
    const left = place.x(x) / WIDTH * box.width;
    tip.style.left = `${left > box.width / 2 ? left - tip.offsetWidth - 10 : left + 10}px`;
    tip.style.top = "10px";
    for (const name of ["x1", "x2"]) guide.setAttribute(name, place.x(x));
    guide.setAttribute("visibility", "visible");
  });
  chart.addEventListener("pointerleave", () => { tip.hidden = true; guide.setAttribute("visibility", "hidden"); });
  return tip;
}
function histogram(title, values, low, high, bins, xLabel) {
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[clamp(Math.floor((value - low) / (high - low) * bins + 1e-9), 0, bins - 1)] += 1;
  const place = scales([low, high], [0, Math.max(1, ...counts)]);
  const chart = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${values.length} values`});
  axes(chart, ticks(low, high, 5), ticks(0, place.y1, 4).filter(Number.isInteger), place, [xLabel, "count"]);
  for (const [bin, count] of counts.entries()) {
    const from = low + bin * (high - low) / bins, to = from + (high - low) / bins;
    const bar = svg("rect", {class: "bar", x: place.x(from) + 1, width: Math.max(1, place.x(to) - place.x(from) - 2), y: place.y(count), height: place.y(0) - place.y(count), rx: 2});
    const tip = svg("title");
    tip.textContent = `${short(from)} to ${short(to)}: ${count}`;
    bar.append(tip);
    chart.append(bar);
  }
  return panel(title, make("div", {className: "plot"}, [chart]));
}
// Each class with its share of right, missed and wrong; a click filters by it.
function classBars(choose) {
  const most = Math.max(...classes.map(name => classCounts.get(name).all));
  const rows = classes.slice(0, 200).map(name => {
    const counts = classCounts.get(name);
    const parts = Object.keys(VERDICTS).filter(verdict => counts[verdict]);
    const track = make("span", {className: "track"}, parts.map(verdict => {
      const part = make("i");
      part.style.width = `${100 * counts[verdict] / most}%`;
      part.style.background = verdict !== "plain" ? `var(--${verdict})` : isCompared ? "var(--hit)" : INK[classPlace.get(name) % 10];
      return part;
    }));
    const told = parts.map(verdict => `${counts[verdict]} ${VERDICTS[verdict].short}`).join(", ");
    const button = make("button", {type: "button", title: told, "aria-pressed": "false", "aria-label": `Class ${name}: ${told}`, onclick: () => choose(name)}, [make("span", {className: "name", textContent: name}), track, make("span", {className: "sum", textContent: short(counts.all)})]);
    button.dataset.class = name;
    return make("li", {}, [button]);
  });
  return panel(isCompared ? "Classes: right, wrong, missed" : "Classes", make("ul", {className: "classes"}, rows));
}
function summary(choose) {
  const shown = [...data.tables.map(table), ...data.plots.map(linePlot)];
  if (classes.length) shown.push(classBars(choose));
  const ious = data.samples.flatMap(sample => sample.predicted.map(shape => shape.iou)).filter(iou => iou !== null);
  if (ious.length) shown.push(histogram("IoU of right predictions", ious, 0, 1, 20, "IoU"));
  const scores = data.samples.map(sample => sample.f1).filter(f1 => f1 !== null);
  if (scores.length > 1) shown.push(histogram("F1 of the samples", scores, 0, 1, 20, "F1"));
  const counts = data.samples.map(sample => sample.entries.length);
  if (!isCompared && counts.length > 1) { const top = Math.max(1, ...counts) + 1; shown.push(histogram("Objects in a sample", counts, 0, top, Math.min(top, 24), "objects")); }
  byId("panels").append(...shown);
  byId("summary").hidden = !shown.length;
}
