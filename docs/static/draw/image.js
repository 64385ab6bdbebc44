"use strict";
// From what was drawn to what the network gets: the same steps as those by which its
// training images were made. A stroke is an array of points [x, y].

const FINE = 8; // Points of the drawing per pixel of the image, each way.

/** Return the smallest and the largest x, or y, of all points. */
function range(strokes, axis) {
  const values = strokes.flat().map((point) => point[axis]);
  return [Math.min(...values), Math.max(...values)];
}

/** Return the ink, from 0 to 1, of strokes drawn `FINE` times as large as the image. */
function ink(strokes, size, pen, place) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * FINE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = pen * FINE;
  for (const stroke of strokes) {
    context.beginPath();
    for (const point of [stroke[0], ...stroke]) {
      context.lineTo(...place(point).map((value) => value * FINE));
    }
    context.stroke();
  }
  const { data } = context.getImageData(0, 0, canvas.width, canvas.width);
  return Array.from({ length: canvas.width ** 2 }, (_, i) => data[4 * i + 3] / 255);
}

/** Return the place where the ink balances, in pixels of the image. */
function centreOfMass(values, size) {
  const n = size * FINE;
  let [sum, x, y] = [0, 0, 0];
  values.forEach((value, i) => {
    sum += value;
    x += value * ((i % n) + 0.5);
    y += value * (Math.floor(i / n) + 0.5);
  });
  return [x / sum / FINE, y / sum / FINE];
}

/** Return the image, `size` by `size` pixels from 0 to 1 in one row. */
function imageOf(strokes, { size, box, pen, centre }) {
  const [left, right] = range(strokes, 0);
  const [top, bottom] = range(strokes, 1);
  // The longer side fills the box. A dot stays one: it is not scaled without limit.
  const scale = (box - pen) / Math.max(right - left, bottom - top, 0.1);
  let middle = [(left + right) / 2, (top + bottom) / 2];
  const place = (point) => point.map((v, i) => (v - middle[i]) * scale + size / 2);
  let values = ink(strokes, size, pen, place);
  if (centre === "mass") {
    const mass = centreOfMass(values, size);
    middle = middle.map((v, i) => v + (mass[i] - size / 2) / scale);
    values = ink(strokes, size, pen, place);
  }
  // A pixel is the mean of what lies in it: its edges are soft.
  const image = new Array(size * size).fill(0);
  values.forEach((value, i) => {
    const row = Math.floor(i / (size * FINE * FINE));
    const column = Math.floor((i % (size * FINE)) / FINE);
    image[row * size + column] += value / FINE ** 2;
  });
  return image;
}
