// What the desk's page is held to beside its types; names that are not there are the type check's.
import js from "@eslint/js";

export default [
  js.configs.recommended,
  {
    files: ["sandbox/desk/page/**/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off",
      "no-unused-vars": ["error", { caughtErrors: "none" }],
      "no-implicit-coercion": "error",
      "no-shadow": "error",
      "no-else-return": "error",
      "no-var": "error",
      "prefer-const": "error",
      "eqeqeq": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "AssignmentExpression[left.property.name=/^(inner|outer)HTML$/]", message: "Text goes in as text." },
        { selector: "CallExpression[callee.property.name='insertAdjacentHTML']", message: "Text goes in as text." },
      ],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
];
