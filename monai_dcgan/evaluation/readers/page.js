/*
Copyright (c) monai_dcgan contributors
Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at
    http://www.apache.org/licenses/LICENSE-2.0
Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
*/
/* ---- what stands on the page ---- */

function say(text, warning = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("warning", warning);
}

function expect(name) {
  awaited = name;
  for (const question of QUESTIONS) byId(`question-${question.name}`).classList.toggle("awaited", question.name === name);
}

function showView() {
  byId("sheet").style.setProperty("--zoom", ZOOMS[view.zoom]);
  byId("stage").classList.toggle("zoomed", view.zoom > 0);
  byId("zoom").textContent = `${ZOOMS[view.zoom] * 100}%`;
  byId("zoom-out").disabled = view.zoom === 0;
  byId("zoom-in").disabled = view.zoom === ZOOMS.length - 1;
  byId("mask").setAttribute("aria-pressed", String(view.mask));
  byId("channel").textContent = `Channel: ${study.channels[view.channel]}`;
  byId("window").value = view.window;
  byId("level").value = view.level;
  drawPicture();
  drawOutline();
}

function showAnswer() {
  const answer = state.answers[currentItem().id] ?? {};
  for (const { name } of QUESTIONS) {
    for (const input of document.getElementsByName(name)) input.checked = input.value === String(answer[name] ?? "");
  }
  byId("comment").value = answer.comment ?? "";
}

function showProgress() {
  const count = study.items.length;
  const done = study.items.filter(isComplete).length;
  byId("progress").textContent = `Slice ${state.position + 1} of ${count}, ${done} answered`;
  byId("bar").max = count;
  byId("bar").value = done;
  byId("previous").disabled = state.position === 0;
  if (done === count) say(lastSliceText());
}

function showAll() {
  byId("reader").value = state.reader;
  showView();
  showAnswer();
  showProgress();
}

function buildQuestions() {
  for (const { name, legend, keys, options, ends } of QUESTIONS) {
    const fieldset = document.createElement("fieldset");
    fieldset.id = `question-${name}`;
    const title = document.createElement("legend");
    title.textContent = legend;
    for (const key of keys) {
      const hint = Object.assign(document.createElement("kbd"), { textContent: key });
      hint.setAttribute("aria-hidden", "true");
      title.append(hint);
    }
    const choices = document.createElement("div");
    choices.className = "choices";
    for (const [value, text] of options ?? SCALE.map((step) => [step, step])) {
      const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
      input.addEventListener("change", () => setAnswer(name, value));
      // After a click, arrow keys shall go to another slice and not change the answer.
      input.addEventListener("click", (event) => event.detail > 0 && input.blur());
      const span = Object.assign(document.createElement("span"), { textContent: text });
      const label = document.createElement("label");
      label.append(input, span);
      choices.append(label);
    }
    fieldset.append(title, choices);
    if (ends) {
      const line = Object.assign(document.createElement("p"), { className: "ends", id: `ends-${name}` });
      line.append(...ends.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
      fieldset.append(line);
      fieldset.setAttribute("aria-describedby", line.id);
    }
    byId("questions").append(fieldset);
  }
}

/* ---- files ---- */

function exportAnswers() {
  countTime();
  save();
  state.reader = byId("reader").value.trim();
  if (!state.reader) {
    say("Please give your name or initials first; the answers are saved under it.", true);
    byId("reader").focus();
    return;
  }
  const content = { format: FORMAT, version: VERSION, study: study.study, reader: state.reader, answers: state.answers };
  const blob = new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `answers-${state.reader.replace(/[^\p{L}\p{N}]+/gu, "_")}-${study.study.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  unsaved = false;
  const missing = study.items.filter((item) => !isComplete(item)).length;
  say(missing ? `Saved; ${missing} slices are not fully answered yet.` : "Saved. Send the file back. Thank you.");
}

async function importAnswers(file) {
  try {
    const content = JSON.parse(await file.text());
    if (content?.format !== FORMAT || content.version !== VERSION) throw new TypeError("this is no file of answers");
    if (content.study !== study.study) throw new TypeError("these are answers of another study");
    const answers = checkedAnswers(content.answers);
    if (Object.keys(state.answers).some((id) => state.answers[id].verdict)) {
      if (!window.confirm("Replace the answers on this page with those of the file?")) return;
    }
    shownSince = performance.now();
    state = { reader: String(content.reader ?? ""), position: 0, answers };
    save();
    showAll();
    say(`Loaded ${Object.keys(answers).length} answers from ${file.name}.`);
  } catch (error) {
    say(`Not loaded: ${error instanceof SyntaxError ? "this is no JSON file" : error.message}.`, true);
  }
}

function restart() {
  const question = "Delete all answers on this page and start with a new reader? Save them to a file first.";
  if (!window.confirm(question)) return;
  shownSince = performance.now();
  state = { reader: "", position: 0, answers: {} };
  Object.assign(view, VIEW, { channel: 0, mask: false });
  save();
  unsaved = false;
  showAll();
  say("Started anew.");
  byId("reader").focus();
}

/* ---- keys, mouse, touch ---- */

function onKey(event) {
  if (!byId("shortcuts").checked || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if (target.matches("textarea, input[type=text]")) return;
  const arrows = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key in arrows) {
    // Radio buttons, sliders and a zoomed slice use arrows themselves.
    if (target.matches("input") || (target === byId("stage") && view.zoom > 0)) return;
    event.preventDefault();
    go(state.position + arrows[event.key]);
    return;
  }
  const key = event.key.toLowerCase();
  const down = event.shiftKey ? -1 : 1;
  const actions = {
    r: () => setAnswer("verdict", "real"),
    s: () => setAnswer("verdict", "synthetic"),
    n: () => go(state.position + 1),
    p: () => go(state.position - 1),
    u: goToUnanswered,
    m: toggleMask,
    h: nextChannel,
    w: () => changeView({ window: view.window + 16 * down }),
    l: () => changeView({ level: view.level + 8 * down }),
    0: () => changeView(VIEW),
    "+": () => changeView({ zoom: view.zoom + 1 }),
    "=": () => changeView({ zoom: view.zoom + 1 }),
    "-": () => changeView({ zoom: view.zoom - 1 }),
    escape: () => expect(null),
  };
  if (SCALE.includes(key)) setAnswer(awaited ?? "realism", key);
  else if (key in AWAITED_BY_KEY) expect(AWAITED_BY_KEY[key]);
  else if (key in actions) actions[key]();
  else return;
  event.preventDefault();
}

function dragView() {
  const sheet = byId("sheet");
  let start = null;
  sheet.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType === "touch" && view.zoom > 0)) return;
    start = { x: event.clientX, y: event.clientY, window: view.window, level: view.level };
    sheet.setPointerCapture(event.pointerId);
  });
  sheet.addEventListener("pointermove", (event) => {
    if (start === null) return;
    changeView({ window: start.window + event.clientX - start.x, level: start.level + (event.clientY - start.y) / 2 });
  });
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => { start = null; });
}

function connect() {
  const clicks = {
    "zoom-out": () => changeView({ zoom: view.zoom - 1 }),
    "zoom-in": () => changeView({ zoom: view.zoom + 1 }),
    mask: toggleMask,
    channel: nextChannel,
    reset: () => changeView(VIEW),
    previous: () => go(state.position - 1),
    next: () => go(state.position + 1),
    unanswered: goToUnanswered,
    export: exportAnswers,
    import: () => byId("file").click(),
    restart,
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  byId("window").addEventListener("input", (event) => changeView({ window: Number(event.target.value) }));
  byId("level").addEventListener("input", (event) => changeView({ level: Number(event.target.value) }));
  byId("reader").addEventListener("input", (event) => {
    state.reader = event.target.value;
    save();
  });
  byId("comment").addEventListener("input", (event) => {
    currentAnswer().comment = event.target.value;
    save();
  });
  byId("answers").addEventListener("submit", (event) => event.preventDefault());
  byId("file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) await importAnswers(file);
  });
  document.addEventListener("keydown", onKey);
  for (const [what, count] of [["mask", study.mask_channels], ["channel", study.channels.length - 1]]) {
    for (const element of document.querySelectorAll(`[data-for=${what}]`)) element.hidden = count === 0;
  }
  document.addEventListener("visibilitychange", () => {
    countTime();
    if (document.hidden && stored) save();
  });
  window.addEventListener("pagehide", () => {
    countTime();
    if (stored) save();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!stored && unsaved) event.preventDefault();
  });
}

buildQuestions();
connect();
dragView();
restore();
byId("help").open = Object.keys(state.answers).length === 0;
shownSince = document.hidden ? null : performance.now();
showAll();
