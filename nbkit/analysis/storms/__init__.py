"""Failure storms: finding the hours in which too much fails, and naming what made them.

`runs` says what a frame of runs holds, `windows` finds hours and bursts, `attempts` measures how
often messages were delivered, `diagnosis` ranks the causes by evidence.
"""
