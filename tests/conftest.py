"""What all tests share."""

from hypothesis import settings

settings.register_profile("headwater", deadline=None, print_blob=True)  # a busy machine is no failure
settings.load_profile("headwater")
