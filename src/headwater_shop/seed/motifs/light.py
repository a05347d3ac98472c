"""Things that glow."""

from headwater_shop.seed.svg import Emblem, Palette, circle, each, line, oval, path, rect


def flame(x: float, y: float, size: float) -> str:
    """Draw a flame which stands on x, y."""
    s = size / 10
    outer = path("M0 0C-8-1-8-10 0-20C8-10 8-1 0 0Z", "#f6a93b")
    inner = path("M0-1C-4-2-4-7 0-12C4-7 4-2 0-1Z", "#fde58a")
    return f'<g transform="translate({x:g} {y:g}) scale({s:g})">{outer}{inner}</g>'


def glow(x: float, y: float, r: float) -> str:
    return circle(x, y, r, "#ffdf8f", 0.28) + circle(x, y, r * 0.65, "#ffe7a6", 0.4)


def lantern(p: Palette, emblem: Emblem) -> str:
    ring = line("M200 92C172 92 172 54 200 54S228 92 200 92", p.ink, 7)
    roof = path("M200 80C214 104 250 112 268 142H132C150 112 186 104 200 80Z", p.main) + rect(
        122, 138, 156, 15, p.dark, 7
    )
    glass = rect(138, 153, 124, 142, "#fff6d8") + glow(200, 234, 62)
    bars = (
        rect(134, 150, 12, 148, p.main)
        + rect(254, 150, 12, 148, p.main)
        + line("M146 224H180M220 224H254", p.main, 0.1)
    )
    base = rect(118, 292, 164, 18, p.dark, 7) + rect(128, 308, 144, 14, p.main, 6)
    candle = rect(180, 244, 40, 48, "#fffdf5", 4) + flame(200, 242, 18)
    cross = line("M146 153L200 196 254 153", p.main, 5)
    return ring + glass + candle + cross + bars + roof + base + emblem(200, 124, 12)


def candle(p: Palette, emblem: Emblem) -> str:
    wax = rect(144, 150, 112, 162, p.main, 12) + oval(200, 152, 56, 15, p.light)
    drips = path(
        "M144 156H256V186C250 200 242 196 240 182C234 214 218 206 218 182C208 "
        "196 196 190 194 178C186 220 168 212 168 184C160 196 146 192 144 180Z",
        p.light,
    )
    dish = path("M100 302H300C296 318 280 326 262 326H138C120 326 104 318 100 302Z", p.dark) + oval(
        200, 302, 100, 12, p.accent
    )
    return (
        glow(200, 104, 66)
        + dish
        + wax
        + drips
        + line("M200 152V132", p.ink, 5)
        + flame(200, 136, 26)
        + emblem(200, 256, 30)
    )


def tealight(p: Palette, emblem: Emblem) -> str:
    glass = path("M112 168H288L270 300C268 314 258 320 246 320H154C142 320 132 314 130 300Z", p.main, 0.88)
    rim = oval(200, 168, 88, 18, p.light) + oval(200, 170, 76, 13, "#fff3cf")
    shine = path("M132 194L144 296C146 304 150 308 156 310L150 192Z", "#fff", 0.35)
    return glow(200, 128, 74) + glass + shine + rim + flame(200, 174, 25) + emblem(200, 250, 38)


def candlestick(p: Palette, emblem: Emblem) -> str:
    stem = path("M186 196H214L208 236C224 246 224 258 208 266L214 300H186L192 266C176 258 176 246 192 236Z", p.dark)
    foot = path("M132 322C132 304 160 296 200 296S268 304 268 322Z", p.main) + oval(200, 198, 44, 11, p.main)
    wax = rect(184, 98, 32, 98, p.light, 5) + rect(184, 98, 10, 98, "#fff", 5, 0.5)
    return glow(200, 70, 50) + stem + foot + wax + flame(200, 98, 21)


def string_lights(p: Palette, emblem: Emblem) -> str:
    wire = line(
        "M40 110C110 190 160 190 200 150S300 110 360 180M50 240C120 310 190 300 230 260S310 220 356 280", p.ink, 5
    )
    spots = ((84, 148), (142, 180), (204, 147), (268, 134), (330, 158), (98, 276), (164, 294), (228, 262), (296, 240))
    shades = (p.main, p.accent, p.light)
    bulbs = "".join(_bulb(x, y, shades[i % 3]) for i, (x, y) in enumerate(spots))
    return wire + bulbs + each(lambda x, y: rect(x - 8, y - 4, 16, 13, p.ink, 3), spots)


def _bulb(x: float, y: float, colour: str) -> str:
    glass = path(f"M{x - 7} {y + 6}h14c19 24 5 42-7 42s-26-18-7-42Z", colour)
    return glow(x, y + 26, 32) + glass + oval(x - 6, y + 26, 3, 8, "#fff", 0.5)


def lamp(p: Palette, emblem: Emblem) -> str:
    light = path("M120 196L70 322H330L280 196Z", "#ffe7a6", 0.4)
    base = path("M190 190H210V252C238 262 244 296 232 312H168C156 296 162 262 190 252Z", p.dark) + rect(
        150, 308, 100, 14, p.ink, 7
    )
    shade = path("M156 84H244L296 200C262 212 138 212 104 200Z", p.main) + path(
        "M156 84H180L150 208C132 206 114 204 104 200Z", "#fff", 0.2
    )
    trim = line("M106 200C140 210 260 210 294 200", p.accent, 9)
    return light + base + shade + trim + emblem(204, 146, 30)
