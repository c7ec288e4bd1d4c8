"""Makes an XNAT ready for the suite: ``python -m xnat_setup``, without the wizard, as often as one likes.

What it is for: a new site is set up and gets another password than XNAT's own; any site gets one private
project that archives nothing by itself, with the suite's script, and a user who owns that project alone.

Public: ``ready`` (`make_ready`, `Wanted`).

Decisions
---------
2026-11-30  The suite's user owns its project: who is only a member may not read which script is on, and
            without that nobody can tell whether the second barrier was there. It has no other right.
2026-11-30  A step looks before it changes anything: the second run finds nothing to do, and one that was
            cut off is finished by the next.
2026-11-30  The password is changed right after the site is set up: before, XNAT answers 403 to all else.
"""
