"""The two JPEG codecs of the peers."""


class Simplejpeg:
    """libjpeg-turbo without conversions of our own: encodes planes, and decodes into the window's pixels."""

    def __init__(self):
        import numpy
        import simplejpeg

        self.numpy, self.codec = numpy, simplejpeg

    def encode(self, picture, width, height, quality):
        flat = self.numpy.frombuffer(picture, self.numpy.uint8)
        luma, quarter = width * height, width * height // 4
        y = flat[:luma].reshape(height, width)
        u = flat[luma : luma + quarter].reshape(height // 2, width // 2)
        v = flat[luma + quarter :].reshape(height // 2, width // 2)
        return self.codec.encode_jpeg_yuv_planes(y, u, v, quality)

    def decode(self, jpeg, pixels):
        self.codec.decode_jpeg(jpeg, "BGRA", buffer=pixels)


class OpenCv:
    """OpenCV in its usual form, with pictures in BGR."""

    def __init__(self):
        import cv2
        import numpy

        self.cv2, self.numpy = cv2, numpy

    def encode(self, picture, width, height, quality):
        planes = self.numpy.frombuffer(picture, self.numpy.uint8).reshape(height * 3 // 2, width)
        image = self.cv2.cvtColor(planes, self.cv2.COLOR_YUV2BGR_I420)
        return self.cv2.imencode(".jpg", image, [self.cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()

    def decode(self, jpeg, pixels):
        image = self.cv2.imdecode(self.numpy.frombuffer(jpeg, self.numpy.uint8), self.cv2.IMREAD_COLOR)
        if pixels is not None:
            height, width = image.shape[:2]
            window = self.numpy.frombuffer(pixels, self.numpy.uint8).reshape(height, width, 4)
            self.cv2.cvtColor(image, self.cv2.COLOR_BGR2BGRA, dst=window)
