"""dnspython asks each name of stdin over and over: asked.py ADDRESS COUNT; prints nanoseconds, a line a question."""

import sys
import time

import dns.message
import dns.query

address, count = sys.argv[1], int(sys.argv[2])
names = sys.stdin.read().split()
for number in range(count):
    query = dns.message.make_query(names[number % len(names)], "A")
    start = time.perf_counter_ns()
    dns.query.udp(query, address, timeout=2)
    print(time.perf_counter_ns() - start)
