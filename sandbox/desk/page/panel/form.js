// @ts-check
/** The inputs of one card, and what the event says of them. */

export class Form {
  /**
   * Fields by name: {read() -> the event's form input or null when empty, restore(input), refuse(text), fault() -> what is wrong,
   * optional: whether no action can require it}.
   */
  #fields = new Map();

  add(name, field) {
    this.#fields.set(name, field);
  }

  /** commonEventObject.formInputs: an empty field is left out, as Google does. */
  inputs() {
    const filled = [...this.#fields].map(([name, field]) => [name, field.read()]).filter(([, input]) => input);
    return Object.fromEntries(filled);
  }

  /** Puts back what was filled in before, where a field of that name is still there. */
  restore(inputs) {
    for (const [name, input] of Object.entries(inputs)) this.#fields.get(name)?.restore(input);
  }

  /** Whether all is filled in as it should be; says so at each field that is not. */
  isComplete(action) {
    const wrong = [...this.#fields.values()].filter((field) => field.fault?.());
    wrong.forEach((field) => field.refuse(field.fault()));
    return this.#hasAllOf(action) && wrong.length === 0;
  }

  #hasAllOf(action) {
    const names = action.allWidgetsAreRequired ? [...this.#fields.keys()] : (action.requiredWidgets ?? []);
    const missing = names.filter((name) => {
      const field = this.#fields.get(name);
      return field && !field.optional && !field.read();
    });
    missing.forEach((name) => this.#fields.get(name).refuse("Required"));
    return missing.length === 0;
  }
}

/** A form input of texts, or null when there is none. */
export const strings = (values) => (values.length ? { stringInputs: { value: values } } : null);

/** The texts of a form input. */
export const valuesOf = (input) => input?.stringInputs?.value ?? [];
