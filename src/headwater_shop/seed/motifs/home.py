"""Things for the house and the garden."""

from headwater_shop.seed.svg import Emblem, Palette, circle, each, line, oval, path, rect, turn


def clock(p: Palette, emblem: Emblem) -> str:
    legs = line("M132 296L112 322M268 296L288 322", p.ink, 15)
    bells = turn(-32, 140, 96, path("M96 104C96 60 184 60 184 104Z", p.accent)) + turn(
        32, 260, 96, path("M216 104C216 60 304 60 304 104Z", p.accent)
    )
    face = circle(200, 208, 114, p.dark) + circle(200, 204, 114, p.main) + circle(200, 204, 90, "#fffdf5")
    marks = "".join(turn(a, 200, 204, rect(197, 122, 6, 15 if a % 90 == 0 else 8, p.ink, 3)) for a in range(0, 360, 30))
    hands = line("M200 204V150", p.ink, 8) + line("M200 204L240 226", p.main, 8) + circle(200, 204, 9, p.accent)
    return legs + bells + line("M200 92V68", p.ink, 10) + face + marks + emblem.on_paper(200, 250, 15) + hands


def wall_clock(p: Palette, emblem: Emblem) -> str:
    rim = (
        circle(200, 206, 126, p.dark)
        + circle(200, 200, 126, p.main)
        + circle(200, 200, 102, "#fffdf5")
        + circle(200, 200, 70, p.light, 0.35)
    )
    marks = "".join(
        turn(a, 200, 200, rect(196, 106, 8, 20 if a % 90 == 0 else 10, p.ink, 4)) for a in range(0, 360, 30)
    )
    hands = line("M200 200L160 164", p.ink, 10) + line("M200 200L248 150", p.ink, 7) + circle(200, 200, 11, p.accent)
    return rim + marks + emblem.on_paper(200, 244, 20) + hands


def frame(p: Palette, emblem: Emblem) -> str:
    stand = path("M250 300L300 326H272L230 308Z", p.ink, 0.7)
    outer = (
        rect(92, 78, 216, 244, p.dark, 12) + rect(92, 74, 216, 242, p.main, 12) + rect(112, 94, 176, 202, "#fffdf8", 4)
    )
    sky = rect(132, 116, 136, 158, p.light) + circle(232, 154, 18, "#fde58a")
    hills = path("M132 230C160 190 190 200 210 222C230 200 250 206 268 224V274H132Z", p.accent, 0.8) + path(
        "M132 252C170 226 220 236 268 256V274H132Z", p.dark, 0.7
    )
    return stand + outer + sky + hills + emblem(170, 168, 20)


def mirror(p: Palette, emblem: Emblem) -> str:
    scallops = "".join(turn(a, 200, 196, oval(200, 78, 22, 17, p.main)) for a in range(0, 360, 20))
    glass = circle(200, 196, 116, p.main) + circle(200, 196, 92, p.dark) + circle(200, 196, 86, "#dcecf3")
    shine = path("M148 232L232 134H258L160 252ZM176 260L272 150L278 168L196 266Z", "#fff", 0.75)
    return scallops + glass + shine + emblem(200, 93, 13) + emblem(200, 299, 13)


def box(p: Palette, emblem: Emblem) -> str:
    body = rect(84, 190, 232, 132, p.main, 14)
    lid = path("M76 196C76 136 110 124 140 124H260C290 124 324 136 324 196Z", p.dark) + path(
        "M92 180C94 146 120 138 142 138H258C280 138 306 146 308 180Z", p.main, 0.6
    )
    band = rect(76, 188, 248, 16, p.light, 6)
    lock = rect(182, 180, 36, 44, "#e3bd62", 8) + circle(200, 200, 6, p.ink) + rect(197, 200, 6, 14, p.ink, 3)
    return body + lid + band + lock + emblem(130, 262, 26) + emblem(270, 262, 26) + emblem(200, 276, 20)


def basket(p: Palette, emblem: Emblem) -> str:
    handle = line("M104 194C104 56 296 56 296 194", "#a67f4e", 15)
    body = path("M82 190H318L294 302C291 316 282 322 270 322H130C118 322 109 316 106 302Z", "#cfa46a")
    weave = each(
        lambda x, y: rect(x, y, 26, 13, "#b5884e", 6),
        [(x + (y // 22 % 2) * 20, y) for y in range(212, 310, 22) for x in range(112, 256, 40)],
    )
    cloth = path(
        "M76 182H324V204C310 226 296 226 286 206C272 228 256 228 246 206C232 228 216 "
        "228 204 206C190 228 174 228 162 206C148 228 132 228 122 206C110 226 92 226 76 204Z",
        p.main,
    )
    return (
        handle
        + body
        + weave
        + cloth
        + each(
            lambda x, y: circle(x, y, 4, "#fff", 0.6),
            ((100, 196), (144, 196), (184, 196), (226, 196), (266, 196), (304, 196)),
        )
    )


def drawer(p: Palette, emblem: Emblem) -> str:
    chest = (
        rect(86, 90, 228, 220, p.main, 14)
        + rect(78, 80, 244, 24, p.dark, 10)
        + line("M112 310V322M288 310V322", p.ink, 16)
    )
    fronts = "".join(rect(104, y, 192, 52, p.light, 8) + circle(200, y + 26, 11, p.accent) for y in (116, 180, 244))
    return chest + fronts + "".join(emblem.on_paper(x, y, 14) for y in (142, 206, 270) for x in (142, 258))


def knob(p: Palette, emblem: Emblem) -> str:
    stem = path("M176 236H224L234 310H166Z", "#b9bfc7") + oval(200, 312, 54, 12, "#9aa1ab")
    return (
        stem
        + circle(200, 166, 96, p.dark)
        + circle(200, 160, 96, p.main)
        + circle(200, 160, 72, p.light, 0.6)
        + emblem.on_paper(200, 160, 50)
        + oval(158, 104, 24, 10, "#fff", 0.5)
    )


def hook(p: Palette, emblem: Emblem) -> str:
    plank = rect(58, 122, 284, 76, p.dark, 16) + rect(58, 116, 284, 76, p.main, 16)

    def one(x: float) -> str:
        return line(f"M{x} 190V246C{x} 284 {x + 44} 284 {x + 44} 250", p.ink, 13) + circle(x + 44, 246, 11, p.accent)

    return plank + one(98) + one(180) + one(262) + emblem(112, 154, 20) + emblem(200, 154, 20) + emblem(288, 154, 20)


def key(p: Palette, emblem: Emblem) -> str:
    split = '<circle cx="200" cy="92" r="34" fill="none" stroke="#b9bfc7" stroke-width="10"/>' + line(
        "M200 126V158", "#b9bfc7", 10
    )
    return (
        split
        + circle(200, 236, 82, p.dark)
        + circle(200, 230, 82, p.main)
        + circle(200, 230, 64, p.light, 0.5)
        + emblem.on_paper(200, 232, 44)
        + circle(200, 164, 9, p.back)
    )


def vase(p: Palette, emblem: Emblem) -> str:
    stems = line(
        "M200 190C200 150 196 120 200 92M196 190C180 150 160 140 150 118M206 190C220 160 240 150 252 130", "#6f9a6a", 7
    )
    leaves = path(
        "M196 156C170 156 166 140 164 132C184 132 194 142 196 156Z"
        "M206 166C232 164 236 150 238 142C218 144 208 152 206 166Z",
        "#8fb886",
    )

    def bloom(x: float, y: float, c: str) -> str:
        return "".join(turn(a, x, y, oval(x, y - 19, 12, 17, c)) for a in range(0, 360, 72)) + circle(
            x, y, 10, "#fde58a"
        )

    pot = path(
        "M164 182H236C232 212 276 230 276 272C276 306 250 322 200 322S124 306 124 272C124 230 168 212 164 182Z", p.main
    )
    shine = path("M142 272C142 246 164 232 172 216C170 240 158 252 162 296C148 290 142 282 142 272Z", "#fff", 0.25)
    return (
        stems
        + leaves
        + bloom(200, 84, p.accent)
        + bloom(144, 112, p.light)
        + bloom(258, 124, p.main)
        + pot
        + shine
        + rect(158, 176, 84, 13, p.dark, 6)
        + emblem(204, 272, 28)
    )


def plant(p: Palette, emblem: Emblem) -> str:
    def blade(angle: float, colour: str) -> str:
        return turn(
            angle,
            200,
            222,
            path("M200 222C166 176 174 104 200 74C226 104 234 176 200 222Z", colour)
            + line("M200 216V108", "#fff", 3, 0.35),
        )

    leaves = (
        blade(-52, "#6f9a6a")
        + blade(52, "#6f9a6a")
        + blade(-26, "#8fb886")
        + blade(26, "#8fb886")
        + blade(0, "#7dab78")
    )
    pot = path("M122 222H278L262 304C260 316 252 322 242 322H158C148 322 140 316 138 304Z", p.main) + rect(
        112, 206, 176, 32, p.dark, 10
    )
    return leaves + pot + emblem(200, 278, 25)


def watering_can(p: Palette, emblem: Emblem) -> str:
    spout = path("M244 258L306 150 320 160 262 298Z", p.dark) + turn(36, 314, 152, oval(314, 152, 30, 11, p.accent))
    handle = line("M102 204C34 190 50 300 108 286", p.dark, 14) + line("M122 186C140 110 216 110 234 186", p.dark, 13)
    body = path("M96 188H260V298C260 314 250 322 236 322H120C106 322 96 314 96 298Z", p.main) + oval(
        178, 188, 82, 17, p.light
    )
    drops = "".join(
        path(f"M{x} {y}c8 12 8 20 0 20s-8-8 0-20Z", "#8fc3e0") for x, y in ((332, 186), (350, 206), (330, 226))
    )
    return spout + handle + body + drops + emblem(178, 258, 34)


def birdhouse(p: Palette, emblem: Emblem) -> str:
    pole = rect(190, 296, 20, 40, "#a67f4e")
    house = path("M118 160L200 92 282 160V296C282 304 278 308 270 308H130C122 308 118 304 118 296Z", p.main)
    roof = line("M96 174L200 86 304 174", p.dark, 24)
    door = circle(200, 208, 36, p.ink) + circle(200, 212, 33, "#000", 0.25) + rect(194, 258, 12, 34, "#a67f4e", 5)
    return pole + house + roof + door + emblem(150, 272, 16) + emblem(250, 272, 16) + emblem(200, 146, 15)
