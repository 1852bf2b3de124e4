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
// How the current slice looks: pixels by window and level, the outline of its mask, zoom.
function decode(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function drawPicture() {
  const { size, channels } = study;
  const canvas = byId("picture");
  canvas.width = size;
  canvas.height = size;
  const pixels = decode(currentItem().pixels).subarray(view.channel * size * size, (view.channel + 1) * size * size);
  const low = view.level - view.window / 2;
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => ((value - low) / view.window) * 255);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(size, size);
  for (let i = 0; i < pixels.length; i += 1) {
    const gray = table[pixels[i]];
    picture.data.set([gray, gray, gray, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  const channel = channels.length > 1 ? `, channel ${channels[view.channel]}` : "";
  canvas.setAttribute("aria-label", `Slice ${state.position + 1} of ${study.items.length}${channel}`);
}

// Masks are packed bits, most significant first, one plane after the other; the outline is drawn inside the region.
function drawOutline() {
  const { size } = study;
  const scale = Math.max(1, Math.floor(1024 / size));
  const side = size * scale;
  const canvas = byId("outline");
  canvas.width = side;
  canvas.height = side;
  if (!view.mask) return;
  const bits = decode(currentItem().masks);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(side, side);
  for (let plane = 0; plane < study.mask_channels; plane += 1) {
    const inside = (x, y) => {
      if (x < 0 || y < 0 || x >= side || y >= side) return false;
      const index = (plane * size + Math.floor(y / scale)) * size + Math.floor(x / scale);
      return ((bits[index >> 3] >> (7 - (index & 7))) & 1) === 1;
    };
    const width = Math.max(1, Math.round(scale / 3));
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        if (!inside(x, y)) continue;
        const edge =
          !inside(x - width, y) || !inside(x + width, y) || !inside(x, y - width) || !inside(x, y + width);
        if (edge) picture.data.set([...COLORS[plane % COLORS.length], 255], 4 * (y * side + x));
      }
    }
  }
  context.putImageData(picture, 0, 0);
}

function changeView(change) {
  Object.assign(view, change);
  view.window = Math.min(510, Math.max(2, view.window));
  view.level = Math.min(255, Math.max(0, view.level));
  view.zoom = Math.min(ZOOMS.length - 1, Math.max(0, view.zoom));
  const stage = byId("stage");
  const center = [
    (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth,
    (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight,
  ];
  showView();
  // What was in the middle stays there.
  stage.scrollTo(
    center[0] * stage.scrollWidth - stage.clientWidth / 2,
    center[1] * stage.scrollHeight - stage.clientHeight / 2,
  );
}

function toggleMask() {
  if (!study.mask_channels) return;
  view.mask = !view.mask;
  if (view.mask) {
    currentAnswer().mask_shown = true;
    save();
  }
  showView();
}

function nextChannel() {
  changeView({ channel: (view.channel + 1) % study.channels.length });
}
