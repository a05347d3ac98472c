"""The shop's rules, pure: one module per aggregate, always events, state, commands, decide, decider, in this order.

No clock, no I/O and no framework beyond the declarations: times come in the commands, money is exact.
"""
