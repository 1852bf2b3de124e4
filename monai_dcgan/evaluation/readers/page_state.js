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
// The answers of one reader: kept in the browser, checked, counted.
"use strict";

// What the study leader put into the page: ids, raw pixels and masks in the order of the reading; not what is real.
const study = JSON.parse(document.getElementById("study").textContent);
const STORAGE_KEY = `monai-dcgan-readers/${study.study}`;
const FORMAT = "monai-dcgan-reader-answers";
const VERSION = 1;
const ZOOMS = [1, 1.5, 2, 3, 4];
const VIEW = { zoom: 0, window: 256, level: 128 };
const COLORS = [[255, 64, 64], [64, 220, 255], [255, 214, 10], [120, 255, 120]];

const SCALE = ["1", "2", "3", "4", "5"];
const QUESTIONS = [
  {
    name: "verdict",
    legend: "Is this slice real or synthetic?",
    keys: ["R", "S"],
    options: [["real", "Real"], ["synthetic", "Synthetic"]],
  },
  { name: "confidence", legend: "How sure are you?", keys: ["C", "1\u20135"], ends: ["1 guess", "5 certain"] },
  { name: "realism", legend: "How real does it look?", keys: ["1\u20135"], ends: ["1 clearly artificial", "5 as a real one"] },
  { name: "quality", legend: "How good for a diagnosis?", keys: ["D", "1\u20135"], ends: ["1 of no use", "5 excellent"] },
];
const AWAITED_BY_KEY = { c: "confidence", d: "quality" };

const byId = (id) => document.getElementById(id);
const knownIds = new Set(study.items.map((item) => item.id));

let state = { reader: study.reader, position: 0, answers: {} };
const view = { ...VIEW, channel: 0, mask: false };
let awaited = null;
let shownSince = null;
let stored = true;
let unsaved = false;

/* ---- progress that outlives a reload ---- */

function save() {
  unsaved = true;
  if (!stored) return;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(state));
  } catch {
    storageIsOff();
  }
}

function restore() {
  try {
    const text = localStorage.getItem(STORAGE_KEY);
    localStorage.setItem(STORAGE_KEY, text ?? JSON.stringify(state));
    if (text === null) return;
    const found = JSON.parse(text);
    const position = Number.isInteger(found.position) ? found.position : 0;
    state = {
      reader: String(found.reader ?? ""),
      position: Math.min(Math.max(position, 0), study.items.length - 1),
      answers: checkedAnswers(found.answers),
    };
    unsaved = Object.keys(state.answers).length > 0;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      say("What this browser kept of an earlier reading could not be read; it starts anew.", true);
    } else {
      storageIsOff();
    }
  }
}

function storageIsOff() {
  stored = false;
  byId("notice").hidden = false;
  byId("notice").textContent =
    "This browser keeps no progress: do not reload or close this page before you have saved your answers to a file.";
}

/* ---- answers ---- */

function checkedAnswers(found) {
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw new TypeError("no answers");
  const answers = {};
  for (const [id, given] of Object.entries(found)) {
    if (!knownIds.has(id) || typeof given !== "object" || given === null) throw new TypeError(`unknown slice ${id}`);
    const answer = { mask_shown: given.mask_shown === true, seconds: Math.max(0, Number(given.seconds) || 0) };
    if (["real", "synthetic"].includes(given.verdict)) answer.verdict = given.verdict;
    for (const name of ["confidence", "realism", "quality"]) {
      if (SCALE.includes(String(given[name]))) answer[name] = Number(given[name]);
    }
    if (typeof given.comment === "string" && given.comment) answer.comment = given.comment;
    answers[id] = answer;
  }
  return answers;
}

const currentItem = () => study.items[state.position];

function currentAnswer() {
  const { id } = currentItem();
  state.answers[id] ??= { mask_shown: false, seconds: 0 };
  return state.answers[id];
}

function isComplete(item) {
  const answer = state.answers[item.id];
  return answer !== undefined && QUESTIONS.every(({ name }) => answer[name] !== undefined);
}

function setAnswer(name, value) {
  currentAnswer()[name] = name === "verdict" ? value : Number(value);
  if (view.mask) currentAnswer().mask_shown = true;
  expect(null);
  save();
  showAnswer();
  showProgress();
}

function countTime() {
  const now = performance.now();
  if (shownSince !== null) {
    const answer = currentAnswer();
    answer.seconds = Math.round((answer.seconds + (now - shownSince) / 1000) * 10) / 10;
  }
  shownSince = document.hidden ? null : now;
}

function go(position) {
  if (position < 0 || position >= study.items.length) {
    say(position < 0 ? "This is the first slice." : lastSliceText());
    return;
  }
  countTime();
  byId("help").open = false;
  state.position = position;
  if (view.mask) currentAnswer().mask_shown = true;
  expect(null);
  save();
  say("");
  showAll();
}

function lastSliceText() {
  const missing = study.items.filter((item) => !isComplete(item)).length;
  if (missing) return `This is the last slice; ${missing} not fully answered (key U goes to the next of them).`;
  return "All slices are answered: save your answers to a file.";
}

function goToUnanswered() {
  const count = study.items.length;
  for (let step = 1; step <= count; step += 1) {
    const position = (state.position + step) % count;
    if (!isComplete(study.items[position])) {
      go(position);
      return;
    }
  }
  say(lastSliceText());
}
