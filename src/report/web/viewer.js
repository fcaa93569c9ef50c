// One sample as large as the window: zoom and pan, its objects, its caption beside the raw text.
const viewer = byId("viewer"), stage = byId("stage"), canvas = byId("canvas");
const view = {sample: null, zoom: 1, x: 0, y: 0};
const MOST_ZOOM = 24;
function openViewer(sample) {
  state.selected = sample;
  if (!viewer.open) viewer.showModal();
  show(sample);
  stage.focus();
}
function show(sample) {
  view.sample = sample;
  const place = state.shown.indexOf(sample);
  byId("viewer-name").textContent = sample.name;
  byId("viewer-place").textContent = [place < 0 ? "" : `${place + 1} of ${state.shown.length}`, datasets.length > 1 ? sample.dataset : "", `${sample.width} × ${sample.height}`].filter(Boolean).join(" · ");
  byId("viewer-previous").disabled = place <= 0;
  byId("viewer-next").disabled = place < 0 || place === state.shown.length - 1;
  byId("viewer-marks").replaceChildren(...marks(sample));
  byId("viewer-notes").replaceChildren(...[...sample.notes, ...sample.dropped.map(part => `dropped from the answer: ${part}`)].map(note => make("li", {textContent: note})));
  byId("viewer-objects").replaceChildren(...errorsFirst(sample.entries).map(objectRow));
  byId("viewer-texts").replaceChildren(...captions(sample).map(([title, text]) => make("section", {tabIndex: 0, "aria-label": title}, [make("h3", {textContent: title}), make("pre", {textContent: text})])));
  stage.setAttribute("aria-label", spoken(sample));
  canvas.replaceChildren(image(sample), overlay(sample, state.filter));
  showRelatives(sample);
  fit();
}
const ERRORS = ["extra", "missed", "duplicate"];
const errorsFirst = entries => [...entries.filter(entry => ERRORS.includes(entry.verdict)), ...entries.filter(entry => !ERRORS.includes(entry.verdict))];
const numbers = shape => `[${shape.points.map(value => Math.round(value)).join(", ")}]`;
const written = shapes => shapes.length ? shapes.map(shape => `${shape.desc} ${numbers(shape)}`).join("\n") : "(no objects)";
function captions(sample) {
  const parts = [];
  if (sample.mode === "summary") parts.push(["Caption: truth", sample.summary ?? "(none)"]);
  else {
    if (sample.hasTruth) parts.push([sample.hasPrediction ? "Caption: truth (pixels)" : "Caption (pixels)", written(sample.truth)]);
    if (sample.hasPrediction) parts.push(["Caption: prediction as parsed (pixels)", written(sample.predicted)]);
  }
  if (sample.hasPrediction || sample.text) parts.push(["Raw text", sample.text || "(empty)"]);
  return parts;
}
function objectRow({shape, verdict, key, size}) {
  const light = isOn => { for (const part of canvas.querySelectorAll(`[data-key="${key}"]`)) part.classList.toggle("lit", isOn); item.classList.toggle("lit", isOn); };
  const details = [shape.iou === null ? "" : `IoU ${shape.iou.toFixed(2)}`, shape.score === null ? "" : `score ${shape.score.toFixed(2)}`, shape.note, size];
  const tag = make("span", {className: `tag ${colourOf(shape, verdict, view.sample)}`, textContent: verdict === "plain" ? shape.kind.replace("_2d", "") : VERDICTS[verdict].short});
  const button = make("button", {type: "button", onclick: () => centre(shape)}, [tag, make("span", {className: "what", textContent: shape.desc}), make("span", {className: "detail", textContent: details.filter(Boolean).join(" · ")})]);
  const item = make("li", {}, [button]);
  item.dataset.key = key;
  button.addEventListener("pointerenter", () => light(true));
  button.addEventListener("pointerleave", () => light(false));
  button.addEventListener("focus", () => light(true));
  button.addEventListener("blur", () => light(false));
  return item;
}
function showRelatives(sample) {
  const family = relatives.get(sample.family), place = family.indexOf(sample);
  const box = byId("viewer-groups");
  box.replaceChildren();
  if (family.length < 2) return;
  const move = by => show(family[clamp(place + by, 0, family.length - 1)]);
  const slider = make("input", {type: "range", min: 0, max: family.length - 1, value: place, "aria-label": data.groupsLabel || "group", "aria-valuetext": sample.group});
  slider.addEventListener("input", () => { show(family[slider.valueAsNumber]); byId("viewer-groups").querySelector("input").focus(); });
  box.append(make("button", {type: "button", textContent: "‹", "aria-label": `Previous ${data.groupsLabel || "group"}`, onclick: () => move(-1)}), slider,
    make("button", {type: "button", textContent: "›", "aria-label": `Next ${data.groupsLabel || "group"}`, onclick: () => move(1)}), make("span", {className: "group-name", textContent: sample.group}));
}
function fitted() {
  const {sample} = view, room = stage.getBoundingClientRect();
  const scale = Math.min(room.width / sample.width, room.height / sample.height) * .97;
  return {width: sample.width * scale, height: sample.height * scale, room};
}
function fit() {
  const {width, height, room} = fitted();
  Object.assign(view, {zoom: 1, x: (room.width - width) / 2, y: (room.height - height) / 2});
  place();
}
// The canvas is laid out anew at every zoom: lines and labels keep their width on the screen and stay sharp.
function place() {
  const {width, height} = fitted();
  const wide = width * view.zoom;
  Object.assign(canvas.style, {left: `${view.x}px`, top: `${view.y}px`, width: `${wide}px`, height: `${height * view.zoom}px`});
  canvas.style.setProperty("--label", 13 * view.sample.width / wide);
  canvas.classList.toggle("close", wide / view.sample.width > 6);
  byId("zoom-text").textContent = `${Math.round(view.zoom * 100)}%`;
}
function zoomBy(factor, at) {
  const room = stage.getBoundingClientRect();
  const [x, y] = at || [room.width / 2, room.height / 2];
  const zoom = clamp(view.zoom * factor, .5, MOST_ZOOM), ratio = zoom / view.zoom;
  Object.assign(view, {zoom, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio});
  place();
}
function centre(shape) {
  const {width, height, room} = fitted();
  const xs = shape.points.filter((_, i) => i % 2 === 0), ys = shape.points.filter((_, i) => i % 2 === 1);
  const scale = width / view.sample.width;
  const [w, h] = [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
  const zoom = clamp(Math.min(room.width / (w * scale + 1), room.height / (h * scale + 1)) * .45, 1, 8);
  const [cx, cy] = [(Math.max(...xs) + Math.min(...xs)) / 2 * scale * zoom, (Math.max(...ys) + Math.min(...ys)) / 2 * (height / view.sample.height) * zoom];
  Object.assign(view, {zoom, x: room.width / 2 - cx, y: room.height / 2 - cy});
  place();
}
function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  place();
}
stage.addEventListener("wheel", event => {
  event.preventDefault();
  const room = stage.getBoundingClientRect();
  zoomBy(Math.exp(-clamp(event.deltaY, -120, 120) / 400), [event.clientX - room.left, event.clientY - room.top]);
}, {passive: false});
stage.addEventListener("pointerdown", event => { if (event.button === 0) stage.setPointerCapture(event.pointerId); });
stage.addEventListener("pointermove", event => { if (stage.hasPointerCapture(event.pointerId)) pan(event.movementX, event.movementY); });
stage.addEventListener("dblclick", event => {
  const room = stage.getBoundingClientRect();
  if (view.zoom > 1.01) fit(); else zoomBy(3, [event.clientX - room.left, event.clientY - room.top]);
});
// What lies under the pointer is marked in the list, too.
canvas.addEventListener("pointerover", event => markUnder(event, true));
canvas.addEventListener("pointerout", event => markUnder(event, false));
function markUnder(event, isOn) {
  const part = event.target.closest("[data-key]");
  if (!part) return;
  part.classList.toggle("lit", isOn);
  const row = byId("viewer-objects").querySelector(`[data-key="${part.dataset.key}"]`);
  if (row) { row.classList.toggle("lit", isOn); if (isOn) row.scrollIntoView({block: "nearest"}); }
}
function stepViewer(by) {
  const place = state.shown.indexOf(view.sample);
  const next = state.shown[place + by];
  if (place < 0 || !next) return;
  state.selected = next;
  show(next);
}
byId("viewer-previous").onclick = () => stepViewer(-1);
byId("viewer-next").onclick = () => stepViewer(1);
byId("viewer-close").onclick = () => viewer.close();
byId("zoom-in").onclick = () => zoomBy(1.5);
byId("zoom-out").onclick = () => zoomBy(1 / 1.5);
byId("zoom-fit").onclick = fit;
viewer.addEventListener("close", () => { if (state.selected) focusSample(state.selected); });
addEventListener("resize", () => { if (viewer.open) fit(); });
