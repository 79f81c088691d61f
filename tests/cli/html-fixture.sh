# html-fixture.sh - is a page well made? Sourced after lib.sh.
#
#   page_is_good report.html "what it is"       tags, ids, headings, texts for pictures, tables, no outside links
#   browse report.html "what it is"             in a browser, where there is one: errors, contrast, width, print

# Prints what is wrong with a page: elements that do not close, ids that occur twice or are linked to and missing, headings
# that skip a level, pictures without a text, header cells without scope, links that leave the file, characters that no
# document may have.
page_faults() { # file
    tr '\n' ' ' <"$1" | sed 's/</\n</g' | LC_ALL=C awk '
        function attribute(name,   at) {
            if (!match($0, " " name "=\"[^\"]*\"")) return ""
            at = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
            return at
        }
        NR == 1 {next}
        /^<!DOCTYPE html>/ {doctype++; next}
        /^<\// {
            name = substr($0, 3); sub(/[> ].*/, "", name)
            if (open[n] != name) {print "</" name "> closes <" open[n] ">"; exit}
            n--; next
        }
        !/^<[a-zA-Z]/ {print "a stray <: " substr($0, 1, 40)}
        {
            name = substr($0, 2); sub(/[ >\/].*/, "", name); count[name]++
            if ((id = attribute("id")) != "" && seen[id]++) print "id " id " twice"
            if ((to = attribute("href")) ~ /^#/) wanted[substr(to, 2)] = 1
            else if (to != "" && to !~ /^data:/) print "a link that leaves the file: " to
            m = split(attribute("aria-labelledby"), by, " "); for (i = 1; i <= m; i++) wanted[by[i]] = 1
            if ((from = attribute("src")) != "" && from !~ /^data:image\/(jpeg|png);base64,[A-Za-z0-9+\/]+=*$/) print "src " substr(from, 1, 40)
            if (name == "img" && attribute("alt") == "") print "a picture without a text"
            if (name == "th" && attribute("scope") == "") print "a header cell without scope"
            if (name == "html" && attribute("lang") != "en") print "no language"
            if (name ~ /^h[1-6]$/) {
                level = substr(name, 2)
                if (level > last + 1) print "h" level " below h" last
                last = level
            }
            if (name !~ /^(meta|link|img|br|hr)$/ && $0 !~ /\/>/) open[++n] = name
        }
        / on[a-z]+="/ || name == "script" && count[name] > 0 && !said++ {if (name == "script") print "a script"}
        END {
            for (to in wanted) if (!(to in seen)) print "nothing has the id " to
            if (n != 0) print "<" open[n] "> is not closed"
            if (doctype != 1 || count["main"] != 1 || count["h1"] != 1 || count["title"] < 1) print "not a page"
        }'
    LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]' "$1" | cut -c 1-80
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1 || echo 'not UTF-8'
    grep -noE '(src|href|url|action|data)[=(]"?(https?:)?//[^"]{0,40}' "$1"
}
page_is_good() { # file what
    page_faults "$1" >faults.txt 2>&1
    check "$2: a good page" test ! -s faults.txt
    [ -s faults.txt ] && head -n 10 faults.txt
    if command -v xmllint >/dev/null; then # libxml2 knows HTML 4 only: tags of HTML 5 and of SVG are no errors
        xmllint --html --noout "$1" 2>&1 | grep 'error' | grep -vE 'Tag [a-zA-Z]+ invalid' >faults.txt
        check "$2: libxml2 reads it" test ! -s faults.txt
    fi
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
in_browser() { # arguments: chromium, at most two minutes, with a folder of its own
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$PWD/browser" \
        --no-first-run --allow-file-access-from-files --enable-logging=stderr "$@" 2>browser.err
}
# Measures the page in a frame as wide as a phone, from a page around it: the smallest contrast of a text with what is
# behind it, how far the page is wider than the frame, what takes the focus by keyboard.
measuring_page() { # file width
    cat <<END
<!DOCTYPE html><html lang="en"><title>waiting</title><body>
<iframe id="f" src="file://$PWD/$1" style="border:0;width:$2px;height:800px"></iframe><pre id="result"></pre>
<script>
function channels(c) { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; }
function luminance(c) {
    const v = c.slice(0, 3).map(x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}
function behind(e, w) { // the first background that is not transparent; a picture of SVG lies on its white
    for (; e && e.nodeType === 1; e = e.parentNode) {
        if (e.localName === 'svg') return [255, 255, 255, 1];
        const c = channels(w.getComputedStyle(e).backgroundColor);
        if (c[3] > 0) return c;
    }
    return [255, 255, 255, 1];
}
document.getElementById('f').onload = () => {
    const w = document.getElementById('f').contentWindow, d = w.document;
    let least = 99, where = '', n = 0, focus = 0, bare = 0;
    d.querySelectorAll('details').forEach(x => x.open = true);
    d.querySelectorAll('body *').forEach(e => {
        if (![...e.childNodes].some(x => x.nodeType === 3 && x.data.trim()) || ['title', 'desc', 'style'].includes(e.localName)) return;
        const s = w.getComputedStyle(e), ink = luminance(channels(e.localName === 'text' ? s.fill : s.color));
        const paper = luminance(behind(e, w)), ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        n++;
        if (ratio < least) { least = ratio; where = e.outerHTML.slice(0, 80); }
    });
    d.querySelectorAll('a[href], summary, [tabindex="0"]').forEach(e => { e.focus(); focus += d.activeElement === e; });
    d.querySelectorAll('body *').forEach(e => {
        if (e.scrollWidth > e.clientWidth + 1 && w.getComputedStyle(e).overflowX === 'auto' && e.tabIndex < 0) bare++;
    });
    const broken = [...d.images].filter(i => !i.complete || i.naturalWidth === 0).length;
    const small = [...d.querySelectorAll('nav a, summary')].filter(e => e.getBoundingClientRect().height < 24).length;
    document.getElementById('result').textContent = 'texts=' + n + ' contrast=' + least.toFixed(2) +
        ' wider=' + Math.max(0, d.documentElement.scrollWidth - d.documentElement.clientWidth) + ' focus=' + focus +
        ' of=' + d.querySelectorAll('a[href], summary, [tabindex="0"]').length + ' unreachable=' + bare +
        ' broken=' + broken + ' small=' + small + ' at=' + where.replace(/[<>&]/g, ' ');
};
</script></body></html>
END
}
browse() { # file what
    local r
    [ -n "$browser" ] || { skip 'no chromium' "$2 in a browser"; return; }
    in_browser --dump-dom "file://$PWD/$1" >dom.html
    check "$2: a browser shows all of it" grep -q '</footer>' dom.html
    check "$2: no error in the console" bash -c '! grep -E "CONSOLE|net::ERR|Refused to" browser.err'
    measuring_page "$1" 390 >measure.html
    in_browser --window-size=500,900 --virtual-time-budget=20000 --dump-dom "file://$PWD/measure.html" >measured.html
    r=$(grep -o 'texts=.*' measured.html | head -n 1)
    check "$2: measured ($r)" test -n "$r"
    check "$2: contrast of all texts 4.5 or more" awk -v r="$r" 'BEGIN {match(r, /contrast=[0-9.]+/); exit !(substr(r, RSTART + 9, RLENGTH - 9) >= 4.5)}'
    check "$2: as wide as a phone" grep -q ' wider=0 ' <<<"$r"
    check "$2: all that can be used has the focus by keyboard" bash -c '[[ "$1" =~ focus=([0-9]+)\ of=([0-9]+) ]] && [ ${BASH_REMATCH[1]} = ${BASH_REMATCH[2]} ]' - "$r"
    check "$2: what scrolls can be scrolled by keyboard" grep -q ' unreachable=0 ' <<<"$r"
    check "$2: every picture is shown" grep -q ' broken=0 ' <<<"$r"
    check "$2: links are large enough for a finger" grep -q ' small=0 ' <<<"$r"
    in_browser --no-pdf-header-footer --print-to-pdf="$PWD/page.pdf" "file://$PWD/$1" >/dev/null
    check "$2: prints" bash -c 'head -c 5 page.pdf | grep -q %PDF && [ $(wc -c <page.pdf) -gt 5000 ]'
    rm -rf browser
}
