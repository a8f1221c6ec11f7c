//! Consumer groups: who is in them, who reads what, and how far they got. In memory; time is an argument.
