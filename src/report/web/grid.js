// The list of samples: cards are made as they come near the screen, so that thousands cost what is looked at.
const CHUNK = 24;
const grid = byId("grid");
function card(sample) {
  const picture = make("button", {type: "button", className: "open picture", "aria-label": `Open ${spoken(sample)}`, onclick: () => openViewer(sample)});
  picture.style.aspectRatio = `${sample.width} / ${sample.height}`;
  const height = Math.max(sample.width, sample.height) / 28;
  const drawing = overlay(sample, state.filter, roomFor(height));
  drawing.style.setProperty("--label", height);
  picture.append(image(sample), drawing);
  const place = [sample.group, datasets.length > 1 ? sample.dataset : ""].filter(Boolean).join(" · ");
  const about = make("div", {className: "about"}, [
    make("div", {className: "name", textContent: sample.name, title: sample.path}),
    ...(place ? [make("div", {className: "soft", textContent: place})] : []),
    make("div", {className: "marks"}, marks(sample)),
    ...(sample.mode === "summary" ? [make("p", {textContent: sample.text || sample.summary || ""})] : []),
    ...sample.notes.slice(0, 3).map(note => make("p", {textContent: note})),
  ]);
  const item = make("li", {className: "sample"}, [picture, about]);
  picture.addEventListener("focus", () => { state.selected = sample; });
  return item;
}
function renderMore(upTo = grid.childElementCount + CHUNK) {
  const fresh = state.shown.slice(grid.childElementCount, upTo);
  grid.append(...fresh.map(card));
}
function renderGrid() {
  grid.replaceChildren();
  renderMore();
  byId("empty").hidden = state.shown.length > 0;
  fill();
}
// An observer speaks only when the end comes into view; a short chunk may leave it there.
function fill() {
  while (grid.childElementCount < state.shown.length && byId("more").getBoundingClientRect().top < innerHeight + 900) renderMore();
}
new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) fill(); }, {rootMargin: "900px"}).observe(byId("more"));
function focusSample(sample) {
  const place = state.shown.indexOf(sample);
  if (place < 0) return;
  renderMore(Math.max(place + CHUNK, grid.childElementCount));
  const button = grid.children[place].querySelector(".open");
  button.focus({preventScroll: true});
  grid.children[place].scrollIntoView({block: "nearest"});
}
function columns() {
  const tops = [...grid.children].slice(0, 40).map(item => item.offsetTop);
  const count = tops.findIndex(top => top !== tops[0]);
  return count < 0 ? Math.max(1, tops.length) : count;
}
function step(by) {
  if (!state.shown.length) return;
  const now = state.selected ? state.shown.indexOf(state.selected) : -1;
  focusSample(state.shown[now < 0 ? 0 : clamp(now + by, 0, state.shown.length - 1)]);
}
