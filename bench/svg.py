"""Line charts as SVG, without any library."""

import html
import math

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 48, 64
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e"]


def shorten(value):
    """1500000 -> "1.5M"."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.4g}{name}"
    return f"{value:.4g}"


class Axis:
    """From values to pixels, with round marks."""

    def __init__(self, values, start, end, log):
        self.start, self.end, self.log = start, end, log
        if log:
            self.low = math.floor(math.log10(min(values)))
            self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
            self.marks = [10.0 ** power for power in range(self.low, self.high + 1)]
        else:
            top = max(max(values), 1e-9)
            step = 10 ** math.floor(math.log10(top))
            step = next(s for s in (step / 5, step / 2, step, step * 2) if top / s <= 6)
            self.low, self.high = 0, math.ceil(top / step) * step
            self.marks = [i * step for i in range(round(self.high / step) + 1)]

    def __call__(self, value):
        place = math.log10(value) if self.log else value
        share = (place - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def chart(title, x_label, y_label, lines, log_x=False):
    """`lines`: name -> [(x, y), ...]. The SVG's text."""
    points = [point for line in lines.values() for point in line]
    x = Axis([p[0] for p in points], LEFT, WIDTH - RIGHT, log_x)
    y = Axis([p[1] for p in points], HEIGHT - BOTTOM, TOP, False)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="13">',
           '<rect width="100%" height="100%" fill="white"/>',
           text(WIDTH / 2, 24, title, "middle", size=16)]
    for mark in x.marks:
        out.append(rule(x(mark), TOP, x(mark), HEIGHT - BOTTOM))
        out.append(text(x(mark), HEIGHT - BOTTOM + 20, shorten(mark), "middle"))
    for mark in y.marks:
        out.append(rule(LEFT, y(mark), WIDTH - RIGHT, y(mark)))
        out.append(text(LEFT - 8, y(mark) + 4, shorten(mark), "end"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_label, "middle"))
    out.append(f'<g transform="rotate(-90 20 {HEIGHT / 2})">'
               f'{text(20, HEIGHT / 2, y_label, "middle")}</g>')
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                   'stroke-width="2"/>')
        out += [f'<circle cx="{x(px):.1f}" cy="{y(py):.1f}" r="3" fill="{colour}"/>'
                for px, py in line]
        out.append(text(WIDTH - RIGHT - 6, TOP + 16 + 18 * number, name, "end", fill=colour))
    return "\n".join(out + ["</svg>"]) + "\n"


def text(x, y, words, anchor, size=13, fill="#222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{fill}">{html.escape(words)}</text>')


def rule(x1, y1, x2, y2):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            'stroke="#ddd" stroke-width="1"/>')
