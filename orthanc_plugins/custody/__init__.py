"""What stays with the custodian: keys of projects, pseudonyms handed out, the way back where asked for.

What it is for: nothing here leaves with the data. It knows neither DICOM nor networks; who asks, and where it
is written down that they asked, is handed in.

Public: ``keys`` (`create_key`, `load_key`, `destroy_key`, `was_destroyed`, `ProjectKey`, `KeyPurpose`);
``numbers`` (`NumberRegister`, `Conflict`, `erase_register`) of ``forms`` (`PatientForm`, `NumberForm`);
``mapping`` (`IdentityTable`, `LookUp`, `Reason`, `forget`) of ``identities`` (`Identity`, `Known`).

Decisions
---------
2026-11-30  Nothing that is lost is made anew by itself: a new key or register in place of a lost one would
            give every patient a second pseudonym. Creating is a step of its own.
2026-11-30  The register holds keyed hashes alone, the traits of each patient hashed apart: who reads it
            learns neither who is in it nor who shares a birthday.
2026-11-30  Reasons for a look-up are a list, not text: text would carry names into the audit trail.
2026-11-30  Copies of the register and of the sealed table may be kept anywhere; copies of keys may not.
2026-11-30  How patients are called, keyed or numbered, belongs to the project and is fixed in its register: a
            profile that decided it would give one patient two pseudonyms in one project.
2026-11-30  A key that was destroyed stays so, and its name is not used again: numbers would begin at 1 once
            more, and two patients would share one where the studies went.
"""
