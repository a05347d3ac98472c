"""Figures that shape the generated transactions: counts, shares and weights, and no row of anyone's data.

Measured on December 2010 to February 2011 (105,335 rows) of "Online Retail" by Daqing Chen, UCI Machine
Learning
Repository, data set 352, https://doi.org/10.24432/C5BW33, licence CC BY 4.0. Weights are the counts as found,
thinned out
and rounded. Where a figure is not measured, its comment says so.
"""

from typing import Final

# Who buys. Sale invoices without a customer are the web shop's: few, but long.
ANONYMOUS_ORDERS: Final = 0.094
ANONYMOUS_ROWS: Final = 0.338  # of all sale rows
# Invoices per known customer -> customers with that many.
ORDERS_PER_CUSTOMER: Final = {
    1: 1020, 2: 301, 3: 175, 4: 72, 5: 35, 6: 25, 7: 22, 8: 8, 9: 4, 10: 2, 11: 2, 13: 3, 14: 3, 18: 2, 23: 3,
    26: 2, 34: 1, 44: 1,
}  # fmt: skip

# Invoices by country, known customers and web shop together.
COUNTRIES: Final = {
    "United Kingdom": 3757, "Germany": 80, "France": 71, "EIRE": 37, "Australia": 17, "Belgium": 16, "Spain":
    16,
    "Netherlands": 13, "Portugal": 12, "Switzerland": 10, "Cyprus": 8, "Italy": 6, "Sweden": 5, "Japan": 5,
    "Norway": 4,
    "Finland": 4, "Lithuania": 4, "Poland": 4, "Channel Islands": 3, "Austria": 3, "Denmark": 2, "Israel": 2,
    "Iceland": 2,
    "Hong Kong": 1, "Singapore": 1, "Greece": 1, "Czech Republic": 1,
}  # fmt: skip
HOME: Final = "United Kingdom"
HOME_SHARE: Final = 0.918
ANONYMOUS_COUNTRIES: Final = {HOME: 352, "EIRE": 6, "Hong Kong": 1, "Israel": 1}

# Lines per sale invoice, as quantiles to draw between: (share of invoices, lines).
LINES: Final = (
    (0.0, 1), (0.05, 1), (0.1, 2), (0.2, 5), (0.3, 8), (0.4, 11), (0.5, 14), (0.6, 18), (0.7, 23), (0.8, 30),
    (0.9, 45),
    (0.95, 59), (0.99, 95), (1.0, 259),
)  # fmt: skip
# The real ones reach 675 lines; these stop where a catalogue of 300 products still offers a choice.
ANONYMOUS_LINES: Final = (
    (0.0, 1), (0.2, 2), (0.3, 4), (0.4, 11), (0.5, 36), (0.6, 54), (0.7, 96), (0.8, 149), (0.9, 230), (1.0,
    280),
)  # fmt: skip

# Quantity per sale line by unit price: (price in pence below which it holds, quantity -> lines).
QUANTITIES: Final = (
    (100, {12: 3079, 24: 2257, 1: 1393, 2: 957, 25: 775, 6: 600, 3: 521, 48: 495, 10: 489, 4: 422, 36: 304, 5:
           280, 20: 202,
           8: 171, 16: 150, 72: 137, 96: 136, 120: 95, 144: 94, 100: 70, 30: 67, 7: 55}),
    (300, {12: 6373, 1: 6073, 6: 5157, 2: 4137, 3: 1967, 10: 1932, 4: 1746, 24: 1504, 8: 1166, 5: 875, 20: 400,
           48: 379,
           36: 282, 16: 231, 72: 203, 100: 184, 96: 175, 18: 167, 40: 152, 32: 146, 9: 115, 7: 102}),
    (10**9, {1: 5577, 2: 4585, 4: 2895, 3: 2085, 6: 1355, 8: 656, 12: 611, 24: 316, 10: 250, 5: 233, 16: 212,
             48: 85, 9: 69,
             18: 58, 72: 53, 20: 48, 36: 44, 7: 35, 30: 32, 50: 27, 32: 26, 96: 21}),
)  # fmt: skip
ANONYMOUS_QUANTITIES: Final = {
    1: 19543, 2: 6482, 3: 2821, 4: 1728, 5: 1022, 6: 846, 7: 507, 8: 414, 10: 289, 9: 270, 12: 240, 11: 172, 13:
    109, 15: 104,
    14: 84, 16: 73, 18: 58, 24: 53, 20: 52, 17: 46,
}  # fmt: skip

# Median unit price of a product, as quantiles to choose catalogue prices between: (share of products, pence).
PRICES: Final = (
    (0.0, 19), (0.05, 42), (0.1, 65), (0.2, 85), (0.3, 125), (0.4, 166), (0.5, 246), (0.6, 295), (0.7, 375),
    (0.8, 504),
    (0.9, 795), (0.95, 995), (1.0, 2995),
)  # fmt: skip
PRICE_POINTS: Final = (
    19, 29, 42, 55, 65, 72, 85, 106, 125, 145, 165, 185, 195, 210, 225, 255, 295, 325, 375, 395, 425, 465, 495,
    550, 595, 675,
    750, 795, 850, 895, 995, 1095, 1275, 1495, 1695, 1995, 2495, 2995,
)  # fmt: skip
TRADE_QUANTITY: Final = 24  # many of a thing come cheaper: 2.95 becomes 2.55
TRADE_PRICE: Final = 0.87
WEB_PRICE: Final = 1.97  # the web shop sells single pieces at about double: 1.25 becomes 2.46

# Sale lines of the product at a popularity rank, of 3,084 products sold.
POPULARITY: Final = (
    (1, 548), (2, 441), (3, 412), (5, 362), (10, 287), (20, 233), (50, 190), (100, 146), (200, 104), (300, 85),
    (500, 61),
    (1000, 34), (2000, 9), (2500, 3), (3084, 1),
)  # fmt: skip

# When: invoices by hour of day and by weekday from Monday; never on a Saturday.
HOURS: Final = {
    7: 5, 8: 73, 9: 352, 10: 569, 11: 603, 12: 733, 13: 613, 14: 611, 15: 675, 16: 359, 17: 229, 18: 49, 19: 22,
    20: 1,
}  # fmt: skip
WEEKDAYS: Final = (803, 877, 905, 1067, 837, 0, 405)
# Only January, February and December are measured. The others are ours: a year that climbs to November, when a
# gift shop sells its Christmas presents.
MONTHS: Final = (1476, 1393, 1950, 1750, 2150, 2000, 1950, 1750, 2300, 2650, 3400, 2025)

# What goes wrong, and what is not a product.
RETURNS: Final = 0.215  # C invoices per sale invoice
RETURN_ROWS: Final = 0.018  # of all rows
RETURN_LINES: Final = {1: 457, 2: 158, 3: 82, 4: 30, 5: 23, 6: 13, 7: 6, 8: 6, 9: 3, 10: 3, 11: 3, 14: 4}
RETURN_DAYS: Final = 13.2  # on average, after the last purchase of the same thing
ADJUSTMENTS: Final = 0.094  # invoices of zero-price rows per sale invoice: counted, found, damaged stock
ADJUSTMENT_LINES: Final = {1: 344, 5: 4, 57: 3}
ADJUSTMENT_ROWS: Final = 0.0051  # of all rows
ADJUSTMENT_BLANK: Final = 0.56  # of them without a description
POST_ABROAD: Final = 0.607  # of foreign invoices carry a POST line
POST_PENCE: Final = {1800: 134, 2800: 25, 1500: 21, 4000: 16}
DOT_ANONYMOUS: Final = 0.48  # of web-shop invoices carry a DOT line
MANUAL: Final = 0.016  # M lines per sale invoice
FEES: Final = 0.08  # of C invoices hold no goods: discounts, samples, fees and charges
# Not in the three months: later in the real year a few 'A' invoices write off bad debts. We plant three in so many
# orders, of our own amounts.
BAD_DEBT_EVERY: Final = 400
BAD_DEBT_PENCE: Final = (20000, 110000)

# Slips of the pen. In the real data about a fifth of the descriptions end in a space, and five invoices in 4,894 run
# over the minute; none of its rows is malformed, so we spoil a row in one of so many invoices.
TRAILING_SPACE: Final = 0.19
SPOILT_EVERY: Final = 10
