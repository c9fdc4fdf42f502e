#!/bin/sh
# Makes the clips in test/clips/: what the cameras of the tests show. They are kept in the repository, so nobody needs to run this again;
# it says how each was made. Needs ffmpeg with libx264 and libx265, and the DejaVu fonts.
# Every picture shows its clip's name, a running clock and a square that moves, so that a person sees at once what is played and how.
set -eu
cd "$(dirname "$0")/../test/clips"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ff="ffmpeg -y -hide_banner -loglevel error -nostdin -fflags +bitexact"
font=$(fc-match -f '%{file}' 'DejaVu Sans Mono:style=Bold')

# picture NAME WIDTH HEIGHT FPS SECONDS: a filter graph that ends in [v]
picture() {
  printf '%s' "color=c=0x15324a:s=$2x$3:r=$4:d=$5[sea];color=c=0xf2a33c:s=$(($3 / 8))x$(($3 / 8)):r=$4:d=$5[square];" \
    "[sea]drawtext=fontfile=$font:text='$1':x=$3/16:y=$3/16:fontsize=$3/10:fontcolor=0xcfe3f1," \
    "drawtext=fontfile=$font:text='%{pts\\:hms}':x=(w-tw)/2:y=(h-th)/2:fontsize=$3/5:fontcolor=white[clock];" \
    "[clock][square]overlay=x='(W-w)*(0.5+0.5*sin(t*2*PI/5))':y='H-h-(H/6)*abs(sin(t*2*PI))':eval=frame,format=yuv420p[v]"
}
# clip FILE NAME WIDTH HEIGHT FPS SECONDS ENCODER-OPTIONS...
clip() {
  file=$1; graph=$(picture "$2" "$3" "$4" "$5" "$6"); shift 6
  $ff -filter_complex "$graph" -map '[v]' "$@" -flags:v +bitexact "$file"
}
# One soft beep a second.
beeps() { printf '%s' "aevalsrc=0.2*sin(2*PI*660*t)*lt(mod(t\\,1)\\,0.08):s=$1:d=$2"; }
x264="-c:v libx264 -preset slow -profile:v main -bf 0 -sc_threshold 0"

clip "$work/main.mp4" main 640 360 25 12 $x264 -g 50 -b:v 120k
$ff -i "$work/main.mp4" -f lavfi -i "$(beeps 48000 12)" -map 0:v -map 1:a -c:v copy -c:a aac -b:a 32k -ac 1 -flags:a +bitexact main.mp4
clip sub.mp4 sub 320 180 15 10 $x264 -g 30 -b:v 50k
clip longgop.mp4 longgop 320 180 25 20 $x264 -g 250 -keyint_min 250 -b:v 50k
clip bframes.mp4 bframes 320 180 25 12 -c:v libx264 -preset slow -profile:v high -bf 3 -b_strategy 0 -sc_threshold 0 -g 50 -b:v 60k
clip h265.mp4 h265 320 180 25 12 -c:v libx265 -preset medium -tag:v hvc1 -b:v 50k \
  -x265-params log-level=error:bframes=0:keyint=50:min-keyint=50:scenecut=0:info=0

clip "$work/g711.mp4" g711 320 180 15 10 $x264 -g 30 -b:v 50k
$ff -i "$work/g711.mp4" -f lavfi -i "$(beeps 8000 10)" -map 0:v -map 1:a -c:v copy -c:a pcm_alaw -ac 1 g711.mov
$ff -i "$work/g711.mp4" -f lavfi -i "$(beeps 48000 10)" -map 0:v -map 1:a -c:v copy -c:a libopus -b:a 16k -ac 2 -flags:a +bitexact opus.mkv

# Parameters that change in the middle: 4 s of 320x180, then 4 s of 480x270, one elementary stream with both parameter sets in band.
clip "$work/a.h264" 'changing A' 320 180 25 4 $x264 -g 50 -b:v 60k
clip "$work/b.h264" 'changing B' 480 270 25 4 $x264 -g 50 -b:v 90k
cat "$work/a.h264" "$work/b.h264" > "$work/changing.h264"
$ff -r 25 -i "$work/changing.h264" -c copy -muxdelay 0 changing.mpegts

# What cannot be carried: Motion JPEG, and sound alone.
clip mjpeg.mov mjpeg 160 96 5 4 -c:v mjpeg -q:v 8
$ff -f lavfi -i "$(beeps 8000 8)" -c:a pcm_mulaw -ac 1 sound-only.mov
ls -l
