// The data and what follows from it: verdicts, sizes, counts, filters, orders. Nothing here touches the page.
const data = JSON.parse(byId("data").textContent);
const SMALL_AREA = 32 * 32, MEDIUM_AREA = 96 * 96; // pixels of the picture; COCO's limits
const SIZES = ["small", "medium", "large"];
const VERDICTS = {
  hit: {short: "TP", long: "right predictions"}, extra: {short: "FP", long: "wrong predictions"},
  missed: {short: "FN", long: "missed truths"}, duplicate: {short: "Duplicate", long: "predictions that repeat an earlier one"},
  gone: {short: "Dropped", long: "objects that the picture no longer has"}, plain: {short: "Object", long: "objects"},
};
const noCounts = () => Object.fromEntries(Object.keys(VERDICTS).map(name => [name, 0]));
const sizeOf = area => area < SMALL_AREA ? "small" : area < MEDIUM_AREA ? "medium" : "large";

// An entry is what one counts and filters: a prediction, a truth that no prediction hit, an object that is gone.
for (const [index, sample] of data.samples.entries()) {
  const predicted = sample.predicted.map((shape, place) => ({shape, verdict: shape.state, key: `p${place}`}));
  const truths = sample.truth.map((shape, place) => ({shape, verdict: shape.state, key: `t${place}`}));
  const gone = sample.gone.map((shape, place) => ({shape, verdict: "gone", key: `g${place}`}));
  sample.index = index;
  sample.entries = [...predicted, ...truths.filter(entry => entry.verdict !== "found"), ...gone];
  sample.counts = noCounts();
  for (const entry of sample.entries) {
    entry.size = sizeOf(entry.shape.area);
    sample.counts[entry.verdict] += 1;
  }
  sample.errors = sample.counts.extra + sample.counts.missed + sample.counts.duplicate;
  const words = sample.entries.map(entry => entry.shape.desc);
  sample.search = [sample.name, sample.dataset, sample.group, sample.text, ...sample.notes, ...words].join("\n").toLowerCase();
}
const unique = values => [...new Set(values)];
const groups = unique(data.samples.map(sample => sample.group)).filter(name => name !== "");
const datasets = unique(data.samples.map(sample => sample.dataset)).filter(name => name !== "");
const isCompared = data.samples.some(sample => sample.compared);
const hasPrediction = data.samples.some(sample => sample.hasPrediction);
// Entries of each class by verdict, the most frequent class first.
function countClasses(samples) {
  const counts = new Map();
  for (const sample of samples) for (const {shape, verdict} of sample.entries) {
    if (!counts.has(shape.desc)) counts.set(shape.desc, {...noCounts(), all: 0});
    counts.get(shape.desc)[verdict] += 1;
    counts.get(shape.desc).all += 1;
  }
  return new Map([...counts].sort(([a, x], [b, y]) => y.all - x.all || (a < b ? -1 : 1)));
}
const classes = [...countClasses(data.samples).keys()];
const classPlace = new Map(classes.map((name, place) => [name, place]));
// The same picture in another group: a training step, a variant.
const relatives = new Map();
for (const sample of data.samples) {
  const key = `${sample.dataset}\n${sample.path}\n${sample.row}`;
  sample.family = key;
  relatives.set(key, [...(relatives.get(key) || []), sample]);
}
const showsSamePictures = groups.length > 1 && data.pictures.length * groups.length <= data.samples.length;

const ORDERS = {
  file: {name: "as in the file", compare: (a, b) => a.index - b.index},
  worst: {name: "worst first", compare: (a, b) => (a.f1 ?? 2) - (b.f1 ?? 2) || b.errors - a.errors},
  best: {name: "best first", compare: (a, b) => (b.f1 ?? -1) - (a.f1 ?? -1) || a.errors - b.errors},
  errors: {name: "most errors first", compare: (a, b) => b.errors - a.errors},
  objects: {name: "most objects first", compare: (a, b) => b.entries.length - a.entries.length},
};
// Pictures that come again at every step are looked at one step at a time.
const everything = () => ({
  text: "", group: showsSamePictures ? groups.at(-1) : "", dataset: "", answer: "",
  class: "", verdicts: new Set(), sizes: new Set(), iou: [0, 1],
});

function fitsSample(sample, filter) {
  return (!filter.group || sample.group === filter.group)
    && (!filter.dataset || sample.dataset === filter.dataset)
    && (!filter.answer || (filter.answer === "cut" ? sample.finish !== "stop" : !sample.valid))
    && (!filter.text || sample.search.includes(filter.text));
}
const asksForIou = filter => filter.iou[0] > 0 || filter.iou[1] < 1;
const asksForObjects = filter => Boolean(filter.class || filter.verdicts.size || filter.sizes.size || asksForIou(filter));
// The ends are steps of a slider; what rounding adds must not decide.
const fitsIou = (iou, [low, high]) => iou !== null && iou >= low - 1e-9 && iou <= high + 1e-9;
// `but` leaves one condition out, to count what its choices would give.
function fitsEntry(entry, filter, but = "") {
  const {shape} = entry;
  return (but === "class" || !filter.class || shape.desc === filter.class)
    && (but === "verdicts" || !filter.verdicts.size || filter.verdicts.has(entry.verdict))
    && (but === "sizes" || !filter.sizes.size || filter.sizes.has(entry.size))
    && (!asksForIou(filter) || fitsIou(shape.iou, filter.iou));
}
function select(filter, order) {
  const asked = asksForObjects(filter);
  const shown = [], facets = {class: new Map(), verdicts: new Map(), sizes: new Map()};
  let objects = 0;
  for (const sample of data.samples) {
    if (!fitsSample(sample, filter)) continue;
    let fitting = 0;
    for (const entry of sample.entries) {
      if (fitsEntry(entry, filter)) fitting += 1;
      for (const [facet, value] of [["class", entry.shape.desc], ["verdicts", entry.verdict], ["sizes", entry.size]]) {
        if (fitsEntry(entry, filter, facet)) facets[facet].set(value, (facets[facet].get(value) ?? 0) + 1);
      }
    }
    objects += fitting;
    if (fitting || !asked) shown.push(sample);
  }
  shown.sort((a, b) => ORDERS[order].compare(a, b) || a.index - b.index);
  return {shown, objects, facets};
}
