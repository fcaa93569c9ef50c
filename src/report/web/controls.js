// The toolbar: reads and shows the filter.
const MOST_TABS = 8, PLAY_MS = 600;
function options(select, values) {
  select.replaceChildren(...values.map(([value, text]) => make("option", {value, textContent: text})));
}
function chips(box, field, names, {label, title, mark}) {
  box.replaceChildren(...names.map(name => {
    const choose = () => {
      const chosen = state.filter[field];
      if (!chosen.delete(name)) chosen.add(name);
      update();
    };
    const button = pressButton([...mark(name), label(name), make("b")], choose, {title: title(name)});
    button.dataset[field] = name;
    return button;
  }));
}
const SIZE_TITLES = {
  small: "area below 32 x 32 pixels", medium: "area from 32 x 32 to 96 x 96 pixels", large: "area of 96 x 96 pixels and more",
};
function setUpChoices() {
  const hasGone = data.samples.some(sample => sample.gone.length);
  const verdicts = [...(isCompared ? ["hit", "extra", "missed", "duplicate"] : []), ...(hasGone ? ["gone"] : [])];
  chips(byId("verdicts"), "verdicts", verdicts, {
    label: name => VERDICTS[name].short, title: name => `Samples with ${VERDICTS[name].long}`,
    mark: name => [swatch(`of-${name}`, ["hit", "extra", "duplicate"].includes(name))],
  });
  chips(byId("sizes"), "sizes", SIZES, {label: name => name, title: name => SIZE_TITLES[name], mark: () => []});
  const orders = Object.entries(ORDERS).filter(([name]) => isCompared || name === "file" || name === "objects");
  options(byId("sort"), orders.map(([name, order]) => [name, order.name]));
  options(byId("dataset"), [["", "all"], ...datasets.map(name => [name, name])]);
  byId("dataset-field").hidden = datasets.length < 2;
  byId("answer-field").hidden = !data.samples.some(sample => !sample.valid || sample.finish !== "stop");
  byId("iou-field").hidden = !isCompared;
  byId("toggles").append(...layerButtons());
  byId("viewer-toggles").append(...layerButtons());
}
function setUpControls() {
  setUpChoices();
  byId("text").oninput = event => { state.filter.text = event.target.value.trim().toLowerCase(); update(); };
  for (const name of ["class", "dataset", "answer"]) {
    byId(name).onchange = event => { state.filter[name] = event.target.value; update(); };
  }
  byId("sort").onchange = event => { state.order = event.target.value; update(); };
  byId("scale").oninput = event => {
    document.documentElement.style.setProperty("--card-side", `${event.target.value}px`);
    fill();
  };
  for (const [end, name] of ["iou-low", "iou-high"].entries()) byId(name).oninput = event => {
    state.filter.iou[end] = event.target.valueAsNumber;
    if (state.filter.iou[0] > state.filter.iou[1]) state.filter.iou[1 - end] = state.filter.iou[end];
    update();
  };
  byId("reset").onclick = byId("empty-reset").onclick = reset;
  setUpGroups();
}
function setUpGroups() {
  const box = byId("groups"), name = data.groupsLabel || "group";
  box.hidden = groups.length < 2;
  if (box.hidden) return;
  box.setAttribute("aria-label", name);
  const tab = (text, group) => {
    const button = pressButton([text], () => chooseGroup(group));
    button.dataset.group = group;
    return button;
  };
  box.append(tab(`every ${name}`, ""));
  if (groups.length <= MOST_TABS) box.append(...groups.map(group => tab(group, group)));
  else box.append(...groupSlider(name));
}
function groupSlider(name) {
  const last = groups.length - 1;
  const slider = make("input", {type: "range", id: "group-slider", min: 0, max: last, value: last, "aria-label": name});
  slider.oninput = () => chooseGroup(groups[slider.valueAsNumber]);
  return [
    pressButton(["‹"], () => stepGroup(-1), {"aria-label": `Previous ${name}`}), slider,
    pressButton(["›"], () => stepGroup(1), {"aria-label": `Next ${name}`}), playButton(name),
    make("output", {id: "group-name", className: "group-name"}),
  ];
}
function playButton(name) {
  const play = pressButton(["▶"], null, {id: "group-play", "aria-label": `Play every ${name}`});
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "▶"; };
  play.onclick = () => {
    if (timer) { stop(); return; }
    play.textContent = "❚❚";
    let next = groups.indexOf(state.filter.group) + 1;
    if (next >= groups.length) next = 0;
    timer = setInterval(() => {
      chooseGroup(groups[next]);
      next += 1;
      if (next >= groups.length) stop();
    }, PLAY_MS);
  };
  return play;
}
function chooseGroup(group) {
  const {family} = state.selected || {};
  state.filter.group = group;
  // The same picture stays selected.
  if (family) state.selected = relatives.get(family).find(sample => !group || sample.group === group) || state.selected;
  update();
}
function stepGroup(by) {
  if (groups.length < 2) return;
  if (viewer.open) {
    const family = relatives.get(view.sample.family), next = family[family.indexOf(view.sample) + by];
    if (next) show(next);
    return;
  }
  const now = groups.indexOf(state.filter.group);
  chooseGroup(groups[now < 0 ? (by > 0 ? 0 : groups.length - 1) : clamp(now + by, 0, groups.length - 1)]);
}
function reset() {
  state.filter = everything();
  state.order = "file";
  update();
}
function chooseClass(name) {
  state.filter.class = state.filter.class === name ? "" : name;
  update();
}
function update() {
  const {filter} = state;
  const {shown, objects, facets} = select(filter, state.order);
  state.shown = shown;
  if (!shown.includes(state.selected)) state.selected = null;
  showFilter(filter, facets);
  const number = value => value.toLocaleString("en");
  const ending = asksForObjects(filter) ? `, ${number(objects)} matching object${objects === 1 ? "" : "s"}` : "";
  byId("count").textContent = `${number(shown.length)} of ${number(data.samples.length)} samples${ending}`;
  renderGrid();
}
function showFilter(filter, facets) {
  const count = (facet, name) => facets[facet].get(name) ?? 0;
  for (const facet of ["verdicts", "sizes"]) for (const button of byId(facet).children) {
    const name = button.dataset[facet];
    setPressed(button, filter[facet].has(name));
    button.querySelector("b").textContent = count(facet, name).toLocaleString("en");
  }
  options(byId("class"), [["", "all"], ...classes.map(name => [name, `${name} (${count("class", name).toLocaleString("en")})`])]);
  for (const name of ["class", "dataset", "answer"]) byId(name).value = filter[name];
  if (byId("text").value.trim().toLowerCase() !== filter.text) byId("text").value = filter.text;
  byId("sort").value = state.order;
  byId("iou-low").value = filter.iou[0];
  byId("iou-high").value = filter.iou[1];
  byId("iou-text").textContent = asksForIou(filter) ? filter.iou.map(end => end.toFixed(2)).join(" to ") : "any";
  for (const button of document.querySelectorAll("[data-class]")) setPressed(button, button.dataset.class === filter.class);
  for (const button of byId("groups").querySelectorAll("[data-group]")) setPressed(button, button.dataset.group === filter.group);
  if (byId("group-slider")) {
    if (filter.group) byId("group-slider").value = groups.indexOf(filter.group);
    byId("group-name").textContent = filter.group || `every ${data.groupsLabel || "group"}`;
  }
}
