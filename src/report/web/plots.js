// Tables, lines and bars of the summary.
const INK = Array.from({length: 10}, (_, place) => `var(--c${place})`);
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
  const box = make("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": entry.title});
  box.append(make("table", {}, [head, body]));
  return panel(entry.title, box);
}
const MOST_DOTS = 40, MOST_CLASSES = 200;
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
  const range = values => {
    const low = values.reduce((least, value) => Math.min(least, value)), high = values.reduce((most, value) => Math.max(most, value));
    return low === high ? [low - .5, high + .5] : [low, high];
  };
  const [x0, x1] = range(xs);
  let [y0, y1] = range(ys);
  if (y0 > 0 && y0 < y1 * .6) y0 = 0;
  return {
    x0, x1, y0, y1,
    x: x => LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
    y: y => HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM),
  };
}
function linePlot(plot) {
  const points = plot.series.flatMap(series => pointsOf(series).filter(Boolean));
  if (!points.length) return panel(plot.title, make("p", {className: "soft", textContent: "no values yet"}));
  const place = scales(points.map(p => p[0]), points.map(p => p[1]));
  const ends = plot.series.map(series => {
    const last = pointsOf(series).filter(Boolean).at(-1);
    return last ? `${series.name} ends at ${short(last[1])}` : `${series.name} has no values`;
  });
  const chart = canvasFor(`${plot.title}: ${plot.y_label} over ${plot.x_label}. ${ends.join(", ")}`);
  axes(chart, ticks(place.x0, place.x1, 5), ticks(place.y0, place.y1, 4), place, [plot.x_label, plot.y_label]);
  for (const [number, series] of plot.series.entries()) chart.append(...curve(series, INK[number % 10], place));
  const keys = plot.series.map((series, number) => {
    const mark = make("i", {className: "swatch"});
    mark.style.color = INK[number % 10];
    return make("span", {}, [mark, series.name]);
  });
  const legend = make("div", {className: "keys"}, keys);
  return panel(plot.title, make("div", {className: "plot"}, [chart, readout(chart, plot, place), legend]));
}
const canvasFor = told => svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told});
// A series' points; null where a value is missing, which is a gap in the line.
const pointsOf = series => series.xs.map((x, i) => x === null || series.ys[i] === null ? null : [x, series.ys[i]]);
function curve(series, ink, place) {
  const points = pointsOf(series).map(point => point && [place.x(point[0]), place.y(point[1])]);
  const path = points.map((point, i) => point ? `${points[i - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}` : "");
  const line = svg("path", {class: "curve", d: path.join("")});
  line.style.stroke = ink;
  const dots = points.length > MOST_DOTS ? [] : points.filter(Boolean).map(([cx, cy]) => svg("circle", {cx, cy, r: 2.5}));
  for (const dot of dots) dot.style.fill = ink;
  return [line, ...dots];
}
// The values under the pointer.
function readout(chart, plot, place) {
  const tip = make("div", {className: "tip", hidden: true});
  const guide = svg("line", {class: "guide", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden"});
  const xs = unique(plot.series.flatMap(series => series.xs)).filter(x => x !== null);
  chart.append(guide);
  chart.addEventListener("pointermove", event => {
    const box = chart.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * WIDTH;
    const x = xs.reduce((best, one) => Math.abs(place.x(one) - at) < Math.abs(place.x(best) - at) ? one : best);
    const values = plot.series.flatMap(series => {
      const point = pointsOf(series).find(one => one && one[0] === x);
      return point ? [make("div", {textContent: `${series.name}  ${short(point[1])}`})] : [];
    });
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
  const chart = canvasFor(`${title}: ${values.length} values`);
  axes(chart, ticks(low, high, 5), ticks(0, place.y1, 4).filter(Number.isInteger), place, [xLabel, "count"]);
  for (const [bin, count] of counts.entries()) {
    const from = low + bin * (high - low) / bins, to = from + (high - low) / bins;
    const width = Math.max(1, place.x(to) - place.x(from) - 2), height = place.y(0) - place.y(count);
    const bar = svg("rect", {class: "bar", x: place.x(from) + 1, y: place.y(count), width, height, rx: 2});
    const tip = svg("title");
    tip.textContent = `${short(from)} to ${short(to)}: ${count}`;
    bar.append(tip);
    chart.append(bar);
  }
  return panel(title, make("div", {className: "plot"}, [chart]));
}
// Each class with its share of right, missed and wrong; a click filters by it.
function classBars(title, samples, choose) {
  const found = [...countClasses(samples)], most = found[0][1].all;
  const rows = found.slice(0, MOST_CLASSES).map(([name, counts]) => {
    const parts = Object.keys(VERDICTS).filter(verdict => counts[verdict]);
    const track = make("span", {className: "track"}, parts.map(verdict => {
      const part = make("i");
      part.style.width = `${100 * counts[verdict] / most}%`;
      const plain = isCompared ? "var(--hit)" : INK[classPlace.get(name) % 10];
      part.style.background = verdict === "plain" ? plain : `var(--${verdict})`;
      return part;
    }));
    const told = parts.map(verdict => `${counts[verdict]} ${VERDICTS[verdict].short}`).join(", ");
    const content = [span("name", name), track, span("sum", short(counts.all))];
    const button = pressButton(content, () => choose(name), {title: told, "aria-label": `Class ${name}: ${told}`});
    button.dataset.class = name;
    return make("li", {}, [button]);
  });
  return panel(title, make("ul", {className: "classes"}, rows));
}
function summary(choose) {
  // Where the same pictures come at every step, the last step is summed up: all of them together mean nothing.
  const step = showsSamePictures ? groups.at(-1) : "", samples = data.samples.filter(sample => !step || sample.group === step);
  const titled = text => step ? `${text}, ${step}` : text;
  const shown = [...data.tables.map(table), ...data.plots.map(linePlot)];
  const hasObjects = samples.some(sample => sample.entries.length);
  if (hasObjects) shown.push(classBars(titled(isCompared ? "Classes: right, wrong, missed" : "Classes"), samples, choose));
  const ious = samples.flatMap(sample => sample.predicted.map(shape => shape.iou)).filter(iou => iou !== null);
  if (ious.length) shown.push(histogram(titled("IoU of right predictions"), ious, 0, 1, 20, "IoU"));
  const scores = samples.map(sample => sample.f1).filter(f1 => f1 !== null);
  if (scores.length > 1) shown.push(histogram(titled("F1 of the samples"), scores, 0, 1, 20, "F1"));
  const counts = samples.map(sample => sample.entries.length);
  const top = counts.reduce((most, count) => Math.max(most, count), 1) + 1;
  const isPlain = !isCompared && counts.length > 1;
  if (isPlain) shown.push(histogram(titled("Objects in a sample"), counts, 0, top, Math.min(top, 24), "objects"));
  byId("panels").append(...shown);
  byId("summary").hidden = !shown.length;
}
