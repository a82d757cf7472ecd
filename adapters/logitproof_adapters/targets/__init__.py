"""The judge's side of a target: what it is, the process, the pipe, and the adapter that stands for the one there.

`call_limits` says how long a call may take, `hang_detection` whether a process hangs or works, and `link` ends it.
"""
