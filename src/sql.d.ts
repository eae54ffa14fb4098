/** SQL, and programs for others to run, stand in files of their own and are read as text. */
declare module "*.sql" {
  const text: string;
  export default text;
}
declare module "*.txt" {
  const text: string;
  export default text;
}
