// Package tap prints the Test Anything Protocol, as far as the validation programs of runtime-tools ask:
// it stands where they import github.com/mndrix/tap-go.
package tap

import (
	"encoding/json"
	"fmt"
)

// T counts the tests of one program.
type T struct {
	count *int
	todo  bool
}

// New starts counting at 1.
func New() *T {
	return &T{count: new(int)}
}

// Header prints the version, and the plan when it is known: 0 is for AutoPlan at the end.
func (t *T) Header(planned int) {
	fmt.Println("TAP version 13")
	if planned > 0 {
		fmt.Printf("1..%d\n", planned)
	}
}

// AutoPlan prints the plan: as many tests as there were.
func (t *T) AutoPlan() {
	fmt.Printf("1..%d\n", *t.count)
}

// Ok is one test.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	verdict := "ok"
	if !passed {
		verdict = "not ok"
	}
	directive := ""
	if t.todo {
		directive = " # TODO"
	}
	fmt.Printf("%s %d - %s%s\n", verdict, *t.count, description, directive)
}

// Pass is a test that passed.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail is a test that failed.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip is that many tests that were not done.
func (t *T) Skip(tests int, reason string) {
	for i := 0; i < tests; i++ {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, reason)
	}
}

// Todo gives a T whose failures do not count.
func (t *T) Todo() *T {
	return &T{count: t.count, todo: true}
}

// Diagnostic is a remark.
func (t *T) Diagnostic(message string) {
	fmt.Printf("# %s\n", message)
}

// Diagnosticf is a formatted remark.
func (t *T) Diagnosticf(format string, arguments ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, arguments...))
}

// YAML is a structured remark on the test before it; JSON is YAML.
func (t *T) YAML(message interface{}) error {
	text, err := json.MarshalIndent(message, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("  ---\n  %s\n  ...\n", text)
	return nil
}
