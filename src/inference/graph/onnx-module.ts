/** With `{ type: "file" }` the import is the file's path: in the source tree, or inside the compiled executable. */
declare module "*.onnx" {
  const path: string;
  export = path;
}
