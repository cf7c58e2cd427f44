#!/usr/bin/env python3
"""Draws the icon: a double helix whose rungs carry the colours of the four bases.

    python3 draw.py 256 strandscope-256.png

Needs nothing but Python. Each pixel is the mean of 4 x 4 samples.
"""
import math
import struct
import sys
import zlib

BACKGROUND = (22, 32, 50)
STRANDS = ((236, 241, 248), (126, 155, 196))
RUNGS = ((77, 175, 124), (86, 140, 214), (232, 176, 72), (222, 98, 92))
SAMPLES = 4


def helix(y, phase):
    """Horizontal place of a strand at height y, both from 0 to 1, and its depth from -1 to 1."""
    angle = 2 * math.pi * (y - 0.14) / 0.72 * 1.25 + phase
    return 0.5 + 0.24 * math.cos(angle), math.sin(angle)


def in_square(x, y, radius=0.22):
    dx, dy = max(abs(x - 0.5) - 0.5 + radius, 0), max(abs(y - 0.5) - 0.5 + radius, 0)
    return math.hypot(dx, dy) <= radius


def colour(x, y):
    """RGBA at a point."""
    if not in_square(x, y):
        return (0, 0, 0, 0)
    if 0.12 <= y <= 0.88:
        places = [helix(y, 0), helix(y, math.pi)]
        front = max((0, 1), key=lambda strand: places[strand][1])
        for strand in (front, 1 - front):
            place, depth = places[strand]
            # The slope makes a steep strand as thick as a flat one.
            slope = (helix(y + 1e-4, strand * math.pi)[0] - place) / 1e-4
            if abs(x - place) <= (0.040 + 0.008 * depth) * math.hypot(1, slope):
                return STRANDS[strand] + (255,)
        number = round((y - 0.17) / 0.094)
        height = 0.17 + 0.094 * number
        left, right = sorted((helix(height, 0)[0], helix(height, math.pi)[0]))
        if 0 <= number < 8 and abs(y - height) <= 0.017 and left < x < right:
            half = 0 if x < (left + right) / 2 else 2
            return RUNGS[(number + half) % 4] + (255,)
    return BACKGROUND + (255,)


def pixel(column, row, size):
    sums = [0, 0, 0, 0]
    for i in range(SAMPLES):
        for j in range(SAMPLES):
            r, g, b, a = colour((column + (i + 0.5) / SAMPLES) / size, (row + (j + 0.5) / SAMPLES) / size)
            for index, value in enumerate((r * a, g * a, b * a, a)):
                sums[index] += value
    alpha = sums[3] / SAMPLES**2
    return bytes(round(value / sums[3]) if sums[3] else 0 for value in sums[:3]) + bytes([round(alpha)])


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def main():
    size, path = int(sys.argv[1]), sys.argv[2]
    rows = b"".join(b"\0" + b"".join(pixel(x, y, size) for x in range(size)) for y in range(size))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    main()
