/**
 * The letter around every notice: one column of tables and inline styles, because mail programs know no better; no
 * pictures, so nothing is blocked and nobody is tracked; dark where the reader's program is dark. The text part says
 * all that the HTML part says.
 */
import { type Html, html } from "../html.ts";

export type NoticeFrame = {
  readonly shopName: string;
  /** "https://shop.example" */
  readonly origin: string;
  /** The order's page, as a whole address. */
  readonly statusUrl: string;
  readonly locale: string;
  readonly timeZone?: string;
};

export type NoticeText = { readonly subject: string; readonly text: string; readonly html: string };

export type Letter = {
  readonly subject: string;
  /** What mail programs show beside the subject. */
  readonly preview: string;
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly button: { readonly text: string; readonly href: string } | null;
  /** Rows of names and amounts, the last one set apart. */
  readonly rows: readonly {
    readonly name: string;
    readonly detail: string;
    readonly amount: string;
    readonly sum?: boolean;
  }[];
  readonly blocks: readonly { readonly title: string; readonly lines: readonly string[] }[];
  /** The last line, in small letters. */
  readonly footer: string;
};

type Sender = { readonly shopName: string; readonly origin: string };

export function letter(frame: Sender, content: Letter): NoticeText {
  return { subject: content.subject, text: asText(frame, content), html: asHtml(frame, content).toString() };
}

function asText(frame: Sender, content: Letter): string {
  const rows = content.rows.map(
    (row) => `${row.sum === true ? "" : "- "}${row.name}${row.detail === "" ? "" : ` (${row.detail})`}: ${row.amount}`,
  );
  return [
    content.title,
    ...content.paragraphs,
    ...(content.button === null ? [] : [`${content.button.text}:\n${content.button.href}`]),
    ...(rows.length === 0 ? [] : [rows.join("\n")]),
    ...content.blocks.map((block) => [block.title, ...block.lines].join("\n")),
    `-- \n${frame.shopName}\n${frame.origin}\n${content.footer}`,
  ].join("\n\n");
}

function asHtml(frame: Sender, content: Letter): Html {
  return html`<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${content.subject}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .paper { background: #0e1413 !important; }
  .sheet { background: #151c1b !important; border-color: #2a3432 !important; }
  .ink { color: #e6ece9 !important; }
  .soft { color: #9dada8 !important; }
  .line { border-color: #2a3432 !important; }
  .button { background: #a9e2d6 !important; color: #08211f !important; }
}
@media (max-width: 480px) { .sheet { padding: 28px 22px !important; } }
</style>
</head>
<body class="paper" style="margin:0;padding:0;background:#f8f8f5">
<div style="display:none;max-height:0;overflow:hidden">${content.preview}</div>
<table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" style="background:#f8f8f5"><tr><td align="center" style="padding:32px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px">
<tr><td class="ink" style="padding:0 4px 18px;font:20px Georgia,'Times New Roman',serif;color:#14211f">${frame.shopName}</td></tr>
<tr><td class="sheet" style="padding:40px;background:#ffffff;border:1px solid #dadcd6">
<h1 class="ink" style="margin:0 0 16px;font:400 30px/1.15 Georgia,'Times New Roman',serif;letter-spacing:-0.4px;color:#14211f">${content.title}</h1>
${content.paragraphs.map(
  (paragraph) =>
    html`<p class="ink" style="margin:0 0 14px;font:16px/1.55 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#14211f">${paragraph}</p>`,
)}
${
  content.button !== null &&
  html`<table role="presentation" cellpadding="0" cellspacing="0" style="margin:24px 0 8px"><tr><td><a class="button" href="${content.button.href}" style="display:inline-block;padding:14px 26px;background:#0d3d3c;color:#ffffff;font:500 16px -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;text-decoration:none;border-radius:2px">${content.button.text}</a></td></tr></table>`
}
${
  content.rows.length > 0 &&
  html`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin-top:24px">${content.rows.map(
    (row) =>
      html`<tr><td class="line ink" style="padding:10px 12px 10px 0;border-top:1px solid #dadcd6;font:15px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#14211f">${
        row.sum === true ? html`<b>${row.name}</b>` : row.name
      }${row.detail !== "" && html`<br><span class="soft" style="color:#55635f">${row.detail}</span>`}</td><td class="line ink" align="right" valign="top" style="padding:10px 0;border-top:1px solid #dadcd6;font:15px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#14211f;white-space:nowrap">${
        row.sum === true ? html`<b>${row.amount}</b>` : row.amount
      }</td></tr>`,
  )}</table>`
}
${content.blocks.map(
  (block) =>
    html`<p class="ink" style="margin:22px 0 0;font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#14211f"><b>${block.title}</b>${block.lines.map((line) => html`<br>${line}`)}</p>`,
)}
</td></tr>
<tr><td class="soft" style="padding:18px 4px 0;font:13px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#55635f">${content.footer}<br><a class="soft" href="${frame.origin}" style="color:#55635f">${frame.shopName}</a></td></tr>
</table>
</td></tr></table>
</body>
</html>
`;
}
