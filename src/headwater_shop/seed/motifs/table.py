"""Things to eat and drink from."""

from headwater_shop.seed.svg import Emblem, Palette, circle, line, oval, path, rect, turn


def mug(p: Palette, emblem: Emblem) -> str:
    handle = line("M268 190C322 180 328 262 262 262", p.dark, 20)
    body = path("M120 150H272V282C272 306 258 320 234 320H158C134 320 120 306 120 282Z", p.main)
    rim = oval(196, 150, 76, 16, p.light) + oval(196, 152, 64, 11, p.dark, 0.55)
    shine = path("M134 176V284C134 296 140 304 148 308V178Z", "#fff", 0.22)
    steam = line("M176 122C166 108 186 98 176 82M212 122C202 108 222 98 212 82", p.dark, 6, 0.35)
    return handle + body + shine + rim + steam + emblem(198, 236, 38)


def teacup(p: Palette, emblem: Emblem) -> str:
    saucer = oval(196, 304, 122, 20, p.dark) + oval(196, 298, 122, 20, p.light) + oval(196, 296, 70, 9, p.dark, 0.3)
    handle = line("M282 206C336 196 330 262 264 262", p.dark, 14)
    body = path("M98 184H294C292 256 262 296 222 298H170C130 296 100 256 98 184Z", p.main)
    rim = oval(196, 184, 98, 18, p.light) + oval(196, 187, 84, 12, "#a8683c")
    return saucer + handle + body + rim + emblem(196, 246, 28) + _steam(p)


def espresso(p: Palette, emblem: Emblem) -> str:
    saucer = oval(196, 308, 108, 17, p.dark) + oval(196, 303, 108, 17, p.light)
    handle = line("M256 222C300 216 300 268 246 268", p.dark, 13)
    body = path("M128 196H264L254 282C252 296 244 302 232 302H160C148 302 140 296 138 282Z", p.main)
    rim = oval(196, 196, 68, 13, p.light) + oval(196, 198, 57, 9, "#6b4128")
    return saucer + handle + body + rim + emblem(196, 252, 26) + _steam(p)


def teapot(p: Palette, emblem: Emblem) -> str:
    spout = path("M112 246C80 240 86 186 56 180L74 168C112 178 106 214 132 218Z", p.dark)
    handle = line("M278 196C340 176 344 280 268 274", p.dark, 17)
    body = path(
        "M196 156C260 156 290 200 290 244C290 292 256 320 196 320C136 320 102 292 102 244C102 200 132 156 196 156Z",
        p.main,
    )
    lid = path("M142 170C150 132 242 132 250 170C232 180 160 180 142 170Z", p.light) + circle(196, 130, 14, p.accent)
    foot = rect(152, 312, 88, 12, p.dark, 6)
    shine = path("M124 236C126 206 142 188 156 182C142 206 138 240 144 276C130 268 124 252 124 236Z", "#fff", 0.22)
    return foot + spout + handle + body + shine + lid + emblem(200, 248, 38)


def jug(p: Palette, emblem: Emblem) -> str:
    handle = line("M262 150C330 150 330 262 266 258", p.dark, 17)
    body = path(
        "M126 112C140 122 250 122 262 108C258 152 282 196 282 246C282 292 "
        "256 320 200 320C144 320 116 292 116 246C116 196 146 160 126 112Z",
        p.main,
    )
    lip = path("M126 112C112 106 104 96 98 92C150 100 222 100 262 108C246 128 144 128 126 112Z", p.light)
    shine = path("M136 238C138 206 152 182 152 158C164 190 150 232 160 288C144 278 136 258 136 238Z", "#fff", 0.22)
    return handle + body + shine + lip + emblem(204, 246, 40)


def bowl(p: Palette, emblem: Emblem) -> str:
    body = path("M78 190H322C322 264 274 308 236 310H164C126 308 78 264 78 190Z", p.main)
    foot = path("M152 304H248L240 324H160Z", p.dark)
    rim = oval(200, 190, 122, 24, p.light) + oval(200, 193, 106, 17, p.dark, 0.6)
    shine = path("M96 214C104 252 126 282 152 296C132 270 122 244 118 218Z", "#fff", 0.22)
    return foot + body + shine + rim + emblem(146, 248, 20) + emblem(200, 256, 24) + emblem(254, 248, 20)


def plate(p: Palette, emblem: Emblem) -> str:
    rings = circle(200, 202, 124, p.dark) + circle(200, 198, 124, p.light) + circle(200, 198, 112, p.main, 0.35)
    well = (
        circle(200, 198, 80, "#fffdf8")
        + f'<circle cx="200" cy="198" r="80" fill="none" stroke="{p.main}" stroke-width="4"/>'
    )
    rim = "".join(turn(a, 200, 198, emblem.on_paper(200, 101, 13)) for a in range(0, 360, 45))
    return rings + well + rim + emblem.on_paper(200, 198, 44)


def jar(p: Palette, emblem: Emblem) -> str:
    glass = rect(118, 150, 164, 172, "#ffffff", 34, 0.75) + rect(118, 150, 164, 172, p.light, 34, 0.35)
    inside = path("M126 210C160 200 230 218 274 206V290C274 306 264 314 248 314H152C136 314 126 306 126 290Z", p.main)
    lid = rect(128, 112, 144, 40, p.dark, 10) + rect(128, 112, 144, 12, "#fff", 6, 0.25)
    label = rect(146, 216, 108, 72, "#fffaf0", 8) + emblem.on_paper(200, 252, 25)
    return glass + inside + label + lid + path("M132 176V270C132 280 138 286 142 288V170Z", "#fff", 0.6)


def bottle(p: Palette, emblem: Emblem) -> str:
    body = path(
        "M172 132H228V160C228 182 264 190 264 226V298C264 314 254 322 "
        "240 322H160C146 322 136 314 136 298V226C136 190 172 182 172 160Z",
        p.main,
    )
    cap = rect(166, 84, 68, 22, p.accent, 8) + rect(174, 100, 52, 34, p.dark, 6)
    label = rect(136, 226, 128, 64, "#fffaf0") + emblem.on_paper(200, 258, 24)
    return body + label + cap + path("M150 232C150 212 172 204 180 188C186 208 164 214 164 300H150Z", "#fff", 0.28)


def tin(p: Palette, emblem: Emblem) -> str:
    body = path("M104 170V292C104 310 150 322 200 322S296 310 296 292V170Z", p.main)
    band = path(
        "M104 270V284C104 302 150 314 200 314S296 302 296 284V270C296 288 250 300 200 300S104 288 104 270Z", p.accent
    )
    lid = path("M98 140V172C98 190 146 202 200 202S302 190 302 172V140Z", p.dark) + oval(200, 140, 102, 30, p.light)
    shine = path("M118 196V300C126 306 136 309 144 311V204Z", "#fff", 0.2)
    return (
        body
        + band
        + shine
        + lid
        + oval(200, 139, 78, 20, p.main, 0.45)
        + emblem(200, 242, 32)
        + circle(200, 132, 11, p.accent)
    )


def cake(p: Palette, emblem: Emblem) -> str:
    stand = (
        path("M186 276H214L222 312H178Z", p.dark) + oval(200, 316, 62, 10, p.dark) + oval(200, 272, 130, 18, p.light)
    )
    sponge = rect(116, 172, 168, 94, "#f3d3a2", 14) + rect(116, 214, 168, 12, p.main)
    icing = path(
        "M108 180C108 148 140 142 200 142S292 148 292 180C292 204 "
        "268 204 264 186C260 214 232 212 228 190C222 206 200 208 "
        "196 188C190 220 160 216 156 190C150 210 108 212 108 180Z",
        p.main,
    )
    cherries = "".join(circle(x, 138, 15, p.accent) + circle(x - 5, 132, 4, "#fff", 0.6) for x in (148, 200, 252))
    return stand + sponge + icing + cherries + oval(200, 272, 130, 8, p.dark, 0.12)


def cutlery(p: Palette, emblem: Emblem) -> str:
    metal = "#c9ced6"
    tines = "".join(rect(x, 82, 7, 62, metal, 3) for x in (103, 119, 135))
    fork = tines + path("M103 134H142C142 166 130 170 129 180H116C115 170 103 166 103 134Z", metal)
    spoon = oval(200, 122, 28, 42, metal) + oval(194, 114, 10, 20, "#fff", 0.5) + rect(194, 156, 12, 40, metal)
    knife = path("M270 82C296 96 300 150 296 190H270Z", metal)
    handles = "".join(
        rect(x, 178, 28, 144, p.main, 14) + rect(x + 5, 186, 6, 124, "#fff", 3, 0.28) for x in (108, 186, 269)
    )
    return fork + spoon + knife + handles + "".join(emblem(x, 292, 9) for x in (124, 202, 285))


def board(p: Palette, emblem: Emblem) -> str:
    handle = rect(176, 66, 48, 84, "#c99a66", 22) + circle(200, 90, 9, p.back)
    wood = rect(106, 124, 188, 198, "#c99a66", 34) + rect(106, 124, 188, 190, "#dcb483", 34)
    grain = line("M128 172C180 162 220 182 272 170M128 276C180 266 230 288 272 274", "#c99a66", 4, 0.8)
    return handle + wood + grain + emblem.on_paper(200, 222, 48)


def tray(p: Palette, emblem: Emblem) -> str:
    outer = (
        rect(58, 118, 284, 186, p.dark, 34) + rect(58, 112, 284, 186, p.main, 34) + rect(78, 130, 244, 150, p.light, 22)
    )
    grips = rect(64, 176, 12, 58, p.dark, 6) + rect(324, 176, 12, 58, p.dark, 6)
    return outer + grips + emblem.on_paper(200, 205, 40) + emblem.on_paper(126, 205, 22) + emblem.on_paper(274, 205, 22)


def eggcup(p: Palette, emblem: Emblem) -> str:
    egg = path("M200 82C244 82 264 146 262 186H138C136 146 156 82 200 82Z", "#fdeeda") + oval(
        176, 132, 10, 24, "#fff", 0.7
    )
    cup = path("M122 180H278C278 236 244 262 212 264V296H188V264C156 262 122 236 122 180Z", p.main)
    foot = path("M188 288H212C240 296 256 306 256 320H144C144 306 160 296 188 288Z", p.dark)
    return egg + cup + foot + rect(118, 174, 164, 14, p.light, 7) + emblem(200, 222, 24)


def _steam(p: Palette) -> str:
    return line("M172 156C162 142 182 132 172 114M206 152C196 138 216 126 206 108", p.dark, 6, 0.35)
