/**
 * The page that solves a challenge by itself and then goes on to where the visitor wanted to go. Its SHA-256 is its
 * own: `crypto.subtle` exists on https only, and a promise for each of 50,000 hashes takes longer than the hashes.
 */
import type { AltchaChallenge } from "./challenge.ts";
import { page } from "./refusal.ts";

/** `sha256(text)`, hexadecimal, for texts of ASCII (FIPS 180-4). */
export const sha256Source = `function sha256(text){
var K=sha256.k||(sha256.k=constants());var H=K.h.slice();
var n=text.length,words=((n+8>>6)+1)*16,m=new Int32Array(words),w=new Int32Array(64),i,j;
for(i=0;i<n;i++)m[i>>2]|=text.charCodeAt(i)<<24-i%4*8;
m[n>>2]|=128<<24-n%4*8;m[words-1]=n*8;
for(j=0;j<words;j+=16){
var a=H[0],b=H[1],c=H[2],d=H[3],e=H[4],f=H[5],g=H[6],h=H[7];
for(i=0;i<64;i++){
if(i<16)w[i]=m[j+i];else{var x=w[i-15],y=w[i-2];
w[i]=w[i-16]+w[i-7]+((x>>>7|x<<25)^(x>>>18|x<<14)^x>>>3)+((y>>>17|y<<15)^(y>>>19|y<<13)^y>>>10)|0}
var t=h+((e>>>6|e<<26)^(e>>>11|e<<21)^(e>>>25|e<<7))+(e&f^~e&g)+K.k[i]+w[i]|0;
var u=((a>>>2|a<<30)^(a>>>13|a<<19)^(a>>>22|a<<10))+(a&b^a&c^b&c)|0;
h=g;g=f;f=e;e=d+t|0;d=c;c=b;b=a;a=t+u|0}
H=[H[0]+a|0,H[1]+b|0,H[2]+c|0,H[3]+d|0,H[4]+e|0,H[5]+f|0,H[6]+g|0,H[7]+h|0]}
return H.map(function(v){return(v>>>0).toString(16).padStart(8,"0")}).join("")}
function constants(){var k=[],h=[],n=2,q;
for(;k.length<64;n++){for(q=2;q*q<=n&&n%q;q++);if(q*q<=n)continue;
if(h.length<8)h.push(Math.pow(n,.5)%1*4294967296|0);k.push(Math.pow(n,1/3)%1*4294967296|0)}
return{k:k,h:h}}`;

const script = `"use strict";${sha256Source}
var at=document.currentScript.dataset,c=JSON.parse(at.challenge),bar=document.querySelector("progress"),say=document.getElementById("say"),n=0;
function fail(){say.textContent=at.failed}
function step(){
var end=performance.now()+12;
do{if(n>c.maxnumber)return fail();if(sha256(c.salt+n)===c.challenge)return send();n++}while(n%64||performance.now()<end);
bar.value=n/c.maxnumber;setTimeout(step)}
function send(){
fetch(at.path,{method:"POST",headers:{"content-type":"application/json"},body:JSON.stringify({algorithm:c.algorithm,challenge:c.challenge,number:n,salt:c.salt,signature:c.signature})})
.then(function(r){if(!r.ok)throw 0;bar.value=1;if(at.get)location.reload();else say.textContent=at.again}).catch(fail)}
step()`;

const attribute = (text: string): string => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** `isGet`: the page may be asked for again; a form must be sent again by the person who filled it in. */
export function solvingPage(challenge: AltchaChallenge, path: string, isGet: boolean, nonce: string): Response {
  const body = `<p id="say" role="status">We make sure that you are not a machine asking a thousand times. This takes your device a moment; there is nothing to do.</p><progress max="1" value="0" aria-label="Checking"></progress><noscript><p>This check needs JavaScript. Please allow it for this page and reload it.</p></noscript><script nonce="${nonce}" data-challenge="${attribute(JSON.stringify(challenge))}" data-path="${path}" data-get="${isGet ? "1" : ""}" data-again="Done. Please go back and send it again." data-failed="That did not work. Please reload the page.">${script}</script>`;
  return new Response(page("One moment, please", body), {
    status: 403,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      vary: "accept",
      "content-security-policy": `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'`,
    },
  });
}
