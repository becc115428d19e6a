"""Every error of the project, one tree, each with a stable code.

    AosError
    ├── UsageError                  a call or command that cannot mean anything
    ├── SpecError                   a workflow spec with problems; carries every one, with its place
    │   └── RunInputsError              inputs of a run that are not what the spec declares
    ├── ReferenceSyntaxError        a ``${`` that begins no reference; carries the column
    ├── UnresolvedReferenceError    a reference to what is not there; carries step, place and what was there
    ├── PlanRejectedError           a plan that may not run; carries every reason, with its place
    ├── SkillError                  a step's skill cannot be used; carries its id
    │   ├── SkillNotFoundError          no such skill or version
    │   ├── SkillDisabledError          switched off; quotes the reason
    │   ├── SkillInputError             inputs that are missing, unknown or of the wrong type
    │   └── SkillOutputError            an output that is not of the annotated type
    ├── RunError                    what happens to a run; carries run and step
    │   ├── WorkflowNotFoundError       no workflow of this name
    │   ├── SeedMismatchError           resumed or replayed with another seed
    │   ├── RunCancelledError           no further step begins
    │   ├── StepFailedError             a step failed after all its tries; carries the cause's code
    │   ├── StepTimeoutError            a try or a run took longer than it may
    │   ├── DivergenceError             a run does not repeat what was recorded; the first difference
    │   └── ExternalCallBlockedError    a replay reached for the outside world; carries the call site
    ├── PolicyViolationError        a policy forbids it; carries run and step
    │   ├── BudgetExceededError         it would cost more than is left; suspends the run
    │   ├── RateLimitedError            too many at once; carries when there is room again
    │   ├── PolicyStoreLostError        budgets cannot be reached, and the policy is to stop then
    │   ├── EmergencyStopError          everything is stopped; carries by what
    │   └── EngineDisabledError         no new runs
    ├── ShadowError                 a simulation cannot run; carries its folder
    │   ├── ShadowBusyError             another one writes into the folder
    │   ├── ShadowFolderError           the folder holds none, or already one
    │   ├── ShadowChangedError          the workflows' code was changed meanwhile
    │   ├── ShadowWorkerError           its processes do not start, or end again and again
    │   ├── ShadowDiskError             what was found cannot be written
    │   └── FleetMissingError           the extra ``ray`` is not installed, or no cluster is reached
    ├── StoreError                  checkpoint stores; carries the run
    │   ├── RunNotFoundError, RunConflictError, RunLeasedError, RunStateError
    │   ├── CheckpointVersionConflictError  somebody else moved the run on
    │   ├── PayloadTooLargeError        beyond the store's limit; nothing was written
    │   ├── StoreUnavailableError       the database cannot be reached, after every retry
    │   └── MigrationError              the schema is not the one that is needed
    ├── StackError                  the embedded servers; carries the service
    │   ├── EmbeddedMissingError        the extra ``embedded`` is not installed, or not to be had here
    │   ├── PortInUseError              somebody else listens there; names who
    │   ├── ServerStartError            a server that does not come up; quotes its log
    │   ├── ServerInUseError            others use it as it is, so it cannot be changed or stopped
    │   ├── ServerStoppedError          it is needed and not running
    │   └── StackTimeoutError           something took longer than it may
    ├── SimulationError             a simulation cannot go on
    │   ├── RealIOError                 real I/O inside a simulation; carries the call and its line
    │   ├── SimulatedDeadlockError      every task waits, and nothing will wake one; names them
    │   ├── SimulationLimitError        more steps than a simulation may take
    │   └── ScenarioError               a workflow cannot be simulated as it is
    └── GoldenError
        ├── CanonicalError          a value that has no canonical form; carries its path
        │   ├── UnsupportedTypeError     no documented spelling for the type
        │   ├── NonFiniteNumberError     NaN or an infinity
        │   ├── KeySpellingError         a key that is not text, or two keys spelled alike
        │   ├── TextEncodingError        a lone surrogate
        │   ├── DepthError               nested deeper than MAX_DEPTH, or circular
        │   └── ReservedKeyError         a user's key in our own ``$aos.`` name space
        ├── RuleError               a selector or action that does not parse
        ├── GoldenFileError         a golden that cannot be trusted; carries file and line
        │   ├── GoldenMissingError, GoldenEmptyError, GoldenEncodingError, GoldenBinaryError
        │   ├── GoldenConflictError      merge markers
        │   ├── GoldenSyntaxError        not JSON
        │   ├── GoldenTruncatedError     the end is missing
        │   ├── GoldenDuplicateKeyError  one object holds a key twice
        │   ├── GoldenTooLargeError, GoldenTooDeepError
        │   ├── GoldenForeignError       JSON, but not a golden of ours
        │   ├── GoldenVersionError       written by a newer format
        │   ├── GoldenKeyMismatchError   the golden of something else
        │   ├── GoldenTamperedError      content does not match its digest, chain or signature
        │   ├── GoldenUnknownKeyError    signed with a key that is not in the ring
        │   └── GoldenUnsignedError      a signature is required and there is none
        ├── GoldenExistsError       refusing to overwrite
        ├── SecretFoundError        a credential would have been written to disk
        └── KeyRingError            secrets that contradict each other or cannot be read

Errors survive pickling, because workers raise them in other processes. They never carry a secret.
"""

from __future__ import annotations

from aos_workflow.errors.base import (
    AosError,
    UsageError,
)
from aos_workflow.errors.golden import (
    CanonicalError,
    DepthError,
    GoldenBinaryError,
    GoldenConflictError,
    GoldenDuplicateKeyError,
    GoldenEmptyError,
    GoldenEncodingError,
    GoldenError,
    GoldenExistsError,
    GoldenFileError,
    GoldenForeignError,
    GoldenKeyMismatchError,
    GoldenMissingError,
    GoldenSyntaxError,
    GoldenTamperedError,
    GoldenTooDeepError,
    GoldenTooLargeError,
    GoldenTruncatedError,
    GoldenUnknownKeyError,
    GoldenUnsignedError,
    GoldenVersionError,
    KeyRingError,
    KeySpellingError,
    NonFiniteNumberError,
    ReservedKeyError,
    RuleError,
    SecretFoundError,
    TextEncodingError,
    UnsupportedTypeError,
)
from aos_workflow.errors.policy import (
    BudgetExceededError,
    EmergencyStopError,
    EngineDisabledError,
    PolicyStoreLostError,
    PolicyViolationError,
    RateLimitedError,
)
from aos_workflow.errors.run import (
    DivergenceError,
    ExternalCallBlockedError,
    RunCancelledError,
    RunError,
    SeedMismatchError,
    StepFailedError,
    StepTimeoutError,
    WorkflowNotFoundError,
)
from aos_workflow.errors.shadow import (
    FleetMissingError,
    ShadowBusyError,
    ShadowChangedError,
    ShadowDiskError,
    ShadowError,
    ShadowFolderError,
    ShadowWorkerError,
)
from aos_workflow.errors.simulation import (
    RealIOError,
    ScenarioError,
    SimulatedDeadlockError,
    SimulationError,
    SimulationLimitError,
)
from aos_workflow.errors.skill import (
    SkillDisabledError,
    SkillError,
    SkillInputError,
    SkillNotFoundError,
    SkillOutputError,
)
from aos_workflow.errors.spec import (
    PlanRejectedError,
    ReferenceSyntaxError,
    RunInputsError,
    SpecError,
    SpecProblem,
    UnresolvedReferenceError,
)
from aos_workflow.errors.stack import (
    EmbeddedMissingError,
    PortInUseError,
    ServerInUseError,
    ServerStartError,
    ServerStoppedError,
    StackError,
    StackTimeoutError,
)
from aos_workflow.errors.store import (
    CheckpointVersionConflictError,
    MigrationError,
    PayloadTooLargeError,
    RunConflictError,
    RunLeasedError,
    RunNotFoundError,
    RunStateError,
    StoreError,
    StoreUnavailableError,
)

__all__ = [
    "AosError",
    "BudgetExceededError",
    "CanonicalError",
    "CheckpointVersionConflictError",
    "DepthError",
    "DivergenceError",
    "EmbeddedMissingError",
    "EmergencyStopError",
    "EngineDisabledError",
    "ExternalCallBlockedError",
    "FleetMissingError",
    "GoldenBinaryError",
    "GoldenConflictError",
    "GoldenDuplicateKeyError",
    "GoldenEmptyError",
    "GoldenEncodingError",
    "GoldenError",
    "GoldenExistsError",
    "GoldenFileError",
    "GoldenForeignError",
    "GoldenKeyMismatchError",
    "GoldenMissingError",
    "GoldenSyntaxError",
    "GoldenTamperedError",
    "GoldenTooDeepError",
    "GoldenTooLargeError",
    "GoldenTruncatedError",
    "GoldenUnknownKeyError",
    "GoldenUnsignedError",
    "GoldenVersionError",
    "KeyRingError",
    "KeySpellingError",
    "MigrationError",
    "NonFiniteNumberError",
    "PayloadTooLargeError",
    "PlanRejectedError",
    "PolicyStoreLostError",
    "PolicyViolationError",
    "PortInUseError",
    "RateLimitedError",
    "RealIOError",
    "ReferenceSyntaxError",
    "ReservedKeyError",
    "RuleError",
    "RunCancelledError",
    "RunConflictError",
    "RunError",
    "RunInputsError",
    "RunLeasedError",
    "RunNotFoundError",
    "RunStateError",
    "ScenarioError",
    "SecretFoundError",
    "SeedMismatchError",
    "ServerInUseError",
    "ServerStartError",
    "ServerStoppedError",
    "ShadowBusyError",
    "ShadowChangedError",
    "ShadowDiskError",
    "ShadowError",
    "ShadowFolderError",
    "ShadowWorkerError",
    "SimulatedDeadlockError",
    "SimulationError",
    "SimulationLimitError",
    "SkillDisabledError",
    "SkillError",
    "SkillInputError",
    "SkillNotFoundError",
    "SkillOutputError",
    "SpecError",
    "SpecProblem",
    "StackError",
    "StackTimeoutError",
    "StepFailedError",
    "StepTimeoutError",
    "StoreError",
    "StoreUnavailableError",
    "TextEncodingError",
    "UnresolvedReferenceError",
    "UnsupportedTypeError",
    "UsageError",
    "WorkflowNotFoundError",
]
