"use strict";
// The page: takes strokes from mouse, pen or finger, and shows what the network computes.

{
  const byId = (id) => document.getElementById(`draw-${id}`);
  const add = (parent, tag, className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return parent.appendChild(element);
  };
  const { size } = NETWORK.preparation;
  const network = new Network(NETWORK.W, NETWORK.b);
  const pad = byId("pad");
  const pen = pad.getContext("2d");
  let strokes = [];

  // The parts that there are many of.
  const bars = NETWORK.b[1].map((_, digit) => {
    const row = add(byId("bars"), "div", "draw-bar");
    add(row, "span", "", digit);
    const track = add(row, "div", "draw-track");
    return { row, fill: add(track, "div", ""), text: add(row, "span", "") };
  });
  const units = NETWORK.b[0].map((_, i) => {
    const unit = add(byId("units"), "button", "draw-unit");
    unit.type = "button";
    for (const event of ["pointerenter", "focus", "click"]) {
      unit.addEventListener(event, () => showWeights(i));
    }
    return unit;
  });
  for (let digit = 0; digit < 10; digit++) {
    const button = add(byId("examples"), "button", "draw-button", digit);
    button.type = "button";
    button.ariaLabel = `Show a ${digit} from the data`;
    button.addEventListener("click", () => {
      clear();
      showImage(pad, NETWORK.examples[digit], grey);
      show(NETWORK.examples[digit]);
    });
  }

  /** Return a colour, as red, green, blue: black ink, or red for plus, blue for minus. */
  function grey(value) {
    return [0, 0, 0, 255 * value];
  }
  function redOrBlue(value) {
    return value > 0 ? [178, 24, 43, 255 * value] : [33, 102, 172, -255 * value];
  }

  /** Show pixels on a canvas of any size. */
  function showImage(canvas, values, colour) {
    const small = document.createElement("canvas");
    small.width = small.height = size;
    const pixels = new Uint8ClampedArray(values.flatMap(colour));
    small.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  /** Show what the network computes from an image; null shows nothing. */
  function show(image) {
    const [p] = image ? network.predict_proba([image]) : [bars.map(() => 0)];
    const [hidden] = image ? network.relu.y : [units.map(() => 0)];
    const best = p.indexOf(Math.max(...p));
    showImage(byId("image"), image || new Array(size * size).fill(0), grey);
    units.forEach((unit, i) => {
      unit.style.setProperty("--light", Math.min(hidden[i] / NETWORK.bright, 1));
      unit.ariaLabel = `Hidden unit ${i + 1}: ${hidden[i].toFixed(2)}`;
    });
    bars.forEach(({ row, fill, text }, digit) => {
      row.classList.toggle("draw-best", Boolean(image) && digit === best);
      fill.style.width = `${100 * p[digit]}%`;
      text.textContent = `${(100 * p[digit]).toFixed(0)}%`;
    });
    byId("answer").textContent = image ? best : "–";
  }

  /** Show the weights from the pixels to a hidden unit. */
  function showWeights(unit) {
    const weights = NETWORK.W[0].map((row) => row[unit]);
    const largest = Math.max(...weights.map(Math.abs));
    showImage(byId("weights"), weights.map((w) => w / largest), redOrBlue);
    const onward = NETWORK.W[1][unit];
    const most = onward.indexOf(Math.max(...onward));
    const least = onward.indexOf(Math.min(...onward));
    byId("unit").textContent =
      `The brighter unit ${unit + 1} is, the more it speaks for ${most}, against ${least}.`;
    units.forEach((element, i) => element.classList.toggle("draw-chosen", i === unit));
  }

  function clear() {
    strokes = [];
    pen.clearRect(0, 0, pad.width, pad.height);
    show(null);
  }

  /** Add a point to the last stroke, and draw the way to it. */
  function extend(event) {
    const box = pad.getBoundingClientRect();
    const point = [
      (event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height,
    ];
    const stroke = strokes.at(-1);
    const before = stroke.at(-1) || point;
    stroke.push(point);
    pen.lineCap = "round";
    pen.lineWidth = 0.07 * pad.width;
    pen.beginPath();
    pen.moveTo(before[0] * pad.width, before[1] * pad.height);
    pen.lineTo(point[0] * pad.width, point[1] * pad.height);
    pen.stroke();
    show(imageOf(strokes, NETWORK.preparation));
  }

  pad.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    if (strokes.length === 0) clear(); // an example may be there
    pad.setPointerCapture(event.pointerId);
    strokes.push([]);
    extend(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.isPrimary && pad.hasPointerCapture(event.pointerId)) extend(event);
  });
  byId("clear").addEventListener("click", clear);

  clear();
  showWeights(0);
}
