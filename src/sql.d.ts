/** SQL stands in files of its own and is read as text. */
declare module "*.sql" {
  const text: string;
  export default text;
}
