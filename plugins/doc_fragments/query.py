# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query may say, documented; plugins/module_utils/_dns/query.py is the same for the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `queries`."""

    DOCUMENTATION = r"""
options:
  queries:
    description:
      - What to ask, each as one dictionary.
      - An empty list is an error.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The domain name. It is absolute, with or without a final dot.
          - Names with empty labels, labels over 63 octets, over 255 octets in all, or with white space are errors.
        type: str
        required: true
      type:
        description:
          - The record type. Unknown types and types that ask for no records, such as V(ANY) or V(AXFR), are errors.
          - dnsmasq caches V(A), V(AAAA), V(CNAME), V(PTR) and V(SRV). Others, such as V(TXT) and V(MX), are cached only
            from version 2.90 on and with C(cache-rr). Set O(queries[].cached=false) for those.
          - With O(transport=libc) only V(A) and V(AAAA) can be asked.
        type: str
        default: A
      expected:
        description:
          - The data of the records, written as in a zone file, in any order. The answer must be this set, after all
            CNAMEs.
          - Implies O(queries[].rcode=NOERROR). An empty list expects a name that has no records of this type.
          - Without it any data will do. Text that is no data of this type is an error.
          - Whatever is expected, a chain of CNAMEs has to come to its end. One that ends at a name of which the server
            says nothing is no answer to who asks for an address.
        type: list
        elements: str
      rcode:
        description:
          - The response code that the answer must have. Without it both are good.
          - Any other response code, such as SERVFAIL or REFUSED, always fails.
        type: str
        choices: [NOERROR, NXDOMAIN]
      exists:
        description:
          - Whether the name must have records of this type, whatever they say.
        type: bool
        default: false
      cached:
        description:
          - Whether the answer must be proven to come from the cache, and to come within O(max_cached_ms).
          - If V(false), the query is asked once and only its answer is judged. Names that the server itself owns
            (from C(/etc/hosts) or C(host-record)) and records with TTL 0 are never cached.
        type: bool
        default: true
      reference:
        description:
          - Servers that know the right answer, each an IP address or V(address#port), 53 being the default port. They
            are asked directly, in this order, until one answers.
          - Response code and set of data must be the same. TTLs are ignored, and where the reference stops at a CNAME
            that leads out of its zones, the answer must begin with the same CNAMEs.
          - One that is silent, so that no answer at all comes from it, is not asked again while the module runs.
        type: list
        elements: str
      required:
        description:
          - Whether the query must be proven even if none of its O(queries[].reference) answers.
          - With V(false) they are asked first, and while none answers NOERROR or NXDOMAIN the query is neither asked
            nor judged, which RV(queries[].skipped) says. Without a reference V(false) is an error.
        type: bool
        default: true
      server:
        description:
          - The address of the resolver that this query goes to, in the place of O(server).
        type: str
      transport:
        description:
          - How this query travels, in the place of O(transport).
        type: str
        choices: [udp, tcp, libc]
"""
