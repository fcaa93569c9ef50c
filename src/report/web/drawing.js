// Shapes over a picture, in the picture's own coordinates.
const MOST_LETTERS = 32;
function colourOf(shape, verdict, sample) {
  if (verdict !== "plain") return `of-${verdict}`;
  return sample.hasPrediction ? "of-hit" : `of-c${classPlace.get(shape.desc) % 10}`;
}
function outline(shape, role) {
  const p = shape.points, attributes = {class: `shape ${role} ${shape.state}`};
  if (shape.kind === "bbox_2d") return svg("rect", {...attributes, x: p[0], y: p[1], width: p[2] - p[0], height: p[3] - p[1]});
  return svg(shape.kind === "poly" ? "polygon" : "polyline", {...attributes, points: p.join(" ")});
}
// A dense caption may be a sentence; the whole of it is in the tooltip and in the list.
const brief = desc => desc.length > MOST_LETTERS ? `${desc.slice(0, MOST_LETTERS - 1)}…` : desc;
function label(shape, isBelow, sample) {
  const top = Math.min(...ysOf(shape)), bottom = Math.max(...ysOf(shape)), reach = sample.height / 24;
  const [x, y] = [clamp(Math.min(...xsOf(shape)), 0, sample.width), clamp(isBelow ? bottom : top, 0, sample.height)];
  // In units of the label's own height, so that it keeps its place at every zoom.
  const above = top < reach ? "1em" : "-.3em", below = bottom > sample.height - reach ? "-.35em" : "1em";
  const text = svg("text", {x, y, dy: isBelow ? below : above});
  text.textContent = brief(shape.desc);
  return text;
}
function describe(shape, verdict) {
  const parts = [VERDICTS[verdict] && verdict !== "plain" ? `${VERDICTS[verdict].short}: ${shape.desc}` : shape.desc];
  if (shape.iou !== null) parts.push(`IoU ${shape.iou.toFixed(2)}`);
  if (shape.note) parts.push(shape.note);
  return parts.join(", ");
}
function layer(name, shapes, role, sample, filter, taken) {
  const group = svg("g", {class: name});
  const asked = asksForObjects(filter);
  const drawn = shapes.map((shape, place) => ({shape, key: `${role[0]}${place}`})).sort((a, b) => b.shape.area - a.shape.area);
  for (const {shape, key} of drawn) {
    const isFound = shape.state === "found";
    const entry = sample.entries.find(one => one.key === (isFound ? `p${shape.pair}` : key));
    const part = svg("g", {class: colourOf(shape, isFound ? "found" : entry.verdict, sample), "data-key": key});
    if (asked && !fitsEntry(entry, filter)) part.classList.add("off");
    const title = svg("title");
    title.textContent = describe(shape, isFound ? "found" : entry.verdict);
    const line = outline(shape, role);
    line.append(title);
    part.append(line);
    // A truth that was found has its prediction's label; a second one would only hide the picture.
    if (!isFound && taken.allows(shape, role === "prediction")) part.append(label(shape, role === "prediction", sample));
    group.append(part);
  }
  return group;
}
// Room for labels of a height in picture units: one that would lie on another is left out.
function roomFor(height) {
  const boxes = [];
  return {allows(shape, isBelow) {
    const x = Math.min(...xsOf(shape)), y = isBelow ? Math.max(...ysOf(shape)) : Math.min(...ysOf(shape)) - height;
    const box = [x, y, x + brief(shape.desc).length * height * .62, y + height];
    const isFree = boxes.every(one => box[0] >= one[2] || box[2] <= one[0] || box[1] >= one[3] || box[3] <= one[1]);
    if (isFree) boxes.push(box);
    return isFree;
  }};
}
const EVERY_LABEL = {allows: () => true};
function overlay(sample, filter, taken = EVERY_LABEL) {
  return svg("svg", {viewBox: `0 0 ${sample.width} ${sample.height}`, preserveAspectRatio: "none", "aria-hidden": "true"}, [
    layer("layer-truth", sample.gone, "gone", sample, filter, taken),
    layer("layer-truth", sample.truth, "truth", sample, filter, taken),
    layer("layer-prediction", sample.predicted, "prediction", sample, filter, taken),
  ]);
}
function image(sample) {
  const src = `data:image/jpeg;base64,${data.pictures[sample.picture]}`;
  return make("img", {src, alt: "", decoding: "async", draggable: false});
}
function marks(sample) {
  const mark = (kind, text, title) => make("span", {className: `mark ${kind}`, textContent: text, title});
  const list = [];
  if (sample.f1 !== null) list.push(mark("score", `F1 ${sample.f1.toFixed(2)}`, "2 TP / (truths + predictions)"));
  for (const [name, {short, long}] of Object.entries(VERDICTS)) {
    const count = sample.counts[name];
    if (count) list.push(mark(name, name === "plain" ? `${count} object${count > 1 ? "s" : ""}` : `${count} ${short}`, long));
  }
  const isEmpty = !sample.entries.length && sample.mode === "dense";
  if (isEmpty) list.push(mark("plain", "nothing here", "no object in truth or prediction"));
  if (!sample.valid) list.push(mark("warn", "not parsed whole", "the answer does not follow its format to the end"));
  if (sample.finish === "length") list.push(mark("warn", "cut off", "the answer reached the limit of new tokens"));
  if (sample.finish === "repetition") list.push(mark("warn", "repeats itself", "the answer was ended for it"));
  return list;
}
function spoken(sample) {
  const name = [sample.name, sample.group].filter(Boolean).join(", ");
  return `${name}: ${marks(sample).map(mark => mark.textContent).join(", ")}`;
}
