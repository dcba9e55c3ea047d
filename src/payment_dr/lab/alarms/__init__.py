"""CloudWatch's alarms, evaluated in the lab as CloudWatch documents that it evaluates them.

`samples`, `expression`, `evaluation`, `rule`, `synthesized`, `embedded`, `board` and
`message` are pure; `meter` and `sampler` measure what AWS itself would, `collector` reads logs.
"""
