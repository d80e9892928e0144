// The articles of this module's catalog are the documentation; `swift package generate-documentation --target Documentation`
// makes web pages of them. A module needs a source file.
