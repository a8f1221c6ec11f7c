// Decodes JPEGs by whichever way is fastest in this browser.

/** Number of pictures that each way decodes in the race. */
const RACE_PICTURES = 10;
/** Largest number of unused pixel buffers that are kept. */
const FREE_MAX = 8;

/** A decoded picture that the browser keeps. */
class BrowserImage {
  constructor(image) {
    this.image = image;
    this.width = image.displayWidth ?? image.width;
    this.height = image.displayHeight ?? image.height;
  }

  drawOn(context) {
    context.drawImage(this.image, 0, 0);
  }

  close() {
    this.image.close();
  }
}

/** A decoded picture as RGBA pixels in our own memory. */
class Pixels {
  constructor(pixels, release) {
    Object.assign(this, { pixels, release, width: pixels.width, height: pixels.height });
  }

  drawOn(context) {
    context.putImageData(this.pixels, 0, 0);
  }

  close() {
    this.release(this.pixels);
  }
}

/** Memory for pixels that is used again. */
class PixelMemory {
  free = [];

  take(width, height) {
    const at = this.free.findIndex((pixels) => pixels.width === width && pixels.height === height);
    return at < 0 ? new ImageData(width, height) : this.free.splice(at, 1)[0];
  }

  release(pixels) {
    this.free.push(pixels);
    if (this.free.length > FREE_MAX) this.free.shift();
  }
}

async function viaBitmap(jpeg) {
  return new BrowserImage(await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' })));
}

/** Calls `use` with the decoder's picture. */
async function withDecoder(jpeg, use) {
  const decoder = new ImageDecoder({ type: 'image/jpeg', data: jpeg });
  try {
    return await use((await decoder.decode()).image);
  } finally {
    decoder.close();
  }
}

function viaDecoder(jpeg) {
  return withDecoder(jpeg, (image) => new BrowserImage(image));
}

/** Converting the colours ourselves takes less time than drawing a picture that is still in the JPEG's colours. */
function pixelDecoder() {
  const memory = new PixelMemory();
  return (jpeg) => withDecoder(jpeg, async (image) => {
    try {
      const { width, height } = image.visibleRect;
      const isTurned = image.rotation || image.flip || width !== image.displayWidth || height !== image.displayHeight;
      // copyTo does not turn a picture as its EXIF orientation says. createImageBitmap does, and then takes its place.
      if (isTurned) throw new Error('the picture is to be turned');
      const pixels = memory.take(width, height);
      await image.copyTo(pixels.data, { format: 'RGBA' });
      return new Pixels(pixels, (unused) => memory.release(unused));
    } finally {
      image.close();
    }
  });
}

/** The ways to decode that this browser may have. */
export function ways() {
  const all = [{ name: 'createImageBitmap', decode: viaBitmap }];
  if (typeof ImageDecoder !== 'undefined') {
    all.push({ name: 'ImageDecoder', decode: viaDecoder }, { name: 'ImageDecoder, copyTo', decode: pixelDecoder() });
  }
  return all.map((way) => ({ ...way, took: [] }));
}

/** Races the ways with the first pictures, and then uses the fastest. */
export class Decoder {
  constructor() {
    this.ways = ways();
  }

  /** The picture, which the caller has to close. */
  async decode(jpeg) {
    const way = this.fastest ?? this.ways.reduce((a, b) => (b.took.length < a.took.length ? b : a));
    try {
      return await (this.fastest ? way.decode(jpeg) : this.race(way, jpeg));
    } catch (error) {
      const [common] = this.ways;
      if (way === common) throw error;
      const picture = await common.decode(jpeg);
      // The JPEG is valid, so this browser does not have this way, at least for such pictures.
      if (!this.fastest) this.ways = this.ways.filter((other) => other !== way);
      return picture;
    }
  }

  async race(way, jpeg) {
    const began = performance.now();
    const picture = await way.decode(jpeg);
    try {
      this.draw(picture);
    } catch (error) {
      picture.close();
      throw error;
    }
    way.took.push(performance.now() - began);
    if (this.ways.every((way) => way.took.length >= RACE_PICTURES)) this.finish();
    return picture;
  }

  /** A way may leave part of its work to the drawing, so that is in the race. Reading a pixel makes the browser really draw. */
  draw(picture) {
    this.canvas ??= new OffscreenCanvas(picture.width, picture.height);
    const context = this.canvas.getContext('2d', { alpha: false });
    picture.drawOn(context);
    context.getImageData(0, 0, 1, 1);
  }

  finish() {
    const median = (way) => way.took.sort((a, b) => a - b)[way.took.length >> 1];
    this.fastest = this.ways.reduce((a, b) => (median(b) < median(a) ? b : a));
    // The others keep memory. The first takes the place of the fastest for pictures that this one cannot decode.
    this.ways = this.ways.filter((way, i) => i === 0 || way === this.fastest);
    this.canvas = undefined;
  }
}
