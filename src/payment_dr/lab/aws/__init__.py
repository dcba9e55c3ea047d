"""The AWS endpoint of each region: ministack's service code, held to what AWS enforces.

One process answers for every region, on one loopback port per region. What ministack leaves out
and a disaster-recovery test needs is added here: regions that are lost or cut off, multi-Region
strong consistency with its majority and refusals, asynchronous global tables, and global
database moves that promote a real PostgreSQL.
"""
