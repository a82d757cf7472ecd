"""The judge's side of a target: its definition, the process, the pipe, and the proxy of the adapter there.

`call_limits` says how long a call may take, `hang_detection` whether a process hangs or works, and `link` ends it.
"""
