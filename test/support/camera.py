#!/usr/bin/python3
"""An RTSP camera for the tests: GStreamer's own server, playing the clips of test/clips/ in an endless loop.

    /usr/bin/python3 camera.py [--port 8554] [--user NAME --password WORD] [--mount NAME=CLIP ...] [--only NAME ...] [--shutter]

It prints one line, `port N`, when it answers. Port 0 takes a free one. With --user every mount asks for digest authentication.
SIGSTOP freezes the camera, SIGKILL unplugs it. With --shutter SIGUSR2 ends the picture while the sound goes on, and brings it back. Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and
gstreamer1.0-plugins-{base,good,bad}; the distribution's own interpreter, because another one lacks gi.
"""
import argparse
import pathlib
import signal

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402,F401 (GstApp gives appsink and appsrc their methods)

CLIPS = pathlib.Path(__file__).resolve().parent.parent / 'clips'
MOUNTS = {
    'main': 'main.mp4', 'sub': 'sub.mp4', 'longgop': 'longgop.mp4', 'bframes': 'bframes.mp4', 'h265': 'h265.mp4',
    'g711': 'g711.mov', 'opus': 'opus.mkv', 'changing': 'changing.mpegts', 'mjpeg': 'mjpeg.mov', 'sound-only': 'sound-only.mov',
}
# What a pad carries -> how its access units are cut, and how they are put into RTP. Parameter sets go in band with every keyframe.
BRANCHES = {
    'video/x-h264': ('h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au', 'rtph264pay config-interval=-1'),
    'video/x-h265': ('h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au', 'rtph265pay config-interval=-1'),
    'image/jpeg': ('identity', 'rtpjpegpay'),
    'audio/mpeg': ('aacparse ! audio/mpeg,stream-format=raw', 'rtpmp4gpay'),
    'audio/x-alaw': ('identity', 'rtppcmapay'),
    'audio/x-mulaw': ('identity', 'rtppcmupay'),
    'audio/x-opus': ('opusparse', 'rtpopuspay'),
}


class Track:
    """The samples of one elementary stream, read from a clip once and played for ever."""

    def __init__(self, pad, pipeline):
        self.kind = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0).get_name()
        parser, self.payloader = BRANCHES[self.kind]
        self.caps, self.samples = None, []
        sink = Gst.parse_bin_from_description(f'queue ! {parser} ! appsink name=sink sync=false emit-signals=true', True)
        sink.get_by_name('sink').connect('new-sample', self.keep)
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad('sink'))

    def keep(self, sink):
        sample = sink.emit('pull-sample')
        self.caps = self.caps or sample.get_caps()
        self.samples.append(sample.get_buffer())
        return Gst.FlowReturn.OK

    @property
    def is_video(self):
        return not self.kind.startswith('audio/')

    def start(self):
        return min(buffer.pts for buffer in self.samples)

    def length(self):
        return max(buffer.pts + buffer.duration for buffer in self.samples) - self.start()


def read_tracks(clip):
    pipeline = Gst.parse_launch(f'filesrc location="{clip}" ! parsebin name=parse')
    tracks = []
    pipeline.get_by_name('parse').connect('pad-added', lambda _, pad: tracks.append(Track(pad, pipeline)))
    pipeline.set_state(Gst.State.PLAYING)
    end = pipeline.get_bus().timed_pop_filtered(30 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    if end is None or end.type == Gst.MessageType.ERROR:
        raise SystemExit(f'{clip}: {end.parse_error() if end else "not read within 30 s"}')
    pipeline.set_state(Gst.State.NULL)
    return sorted(tracks, key=lambda track: not track.is_video)


class Mount(GstRtspServer.RTSPMediaFactory):
    """One clip at one path; all its viewers see the same moment."""

    def __init__(self, clip, shutter):
        super().__init__()
        self.tracks = read_tracks(clip)
        self.shutter = shutter
        self.set_shared(True)

    def do_create_element(self, _url):
        names = [f'track{number}' for number in range(len(self.tracks))]
        element = Gst.parse_launch('( ' + ' '.join(
            f'appsrc name={name} is-live=true format=time ! {self.shutter.element(track)} {track.payloader} name=pay{number} pt={96 + number}'
            for number, (name, track) in enumerate(zip(names, self.tracks))) + ' )')
        start, length = self.tracks[0].start(), self.tracks[0].length()
        self.shutter.add(element)
        for name, track in zip(names, self.tracks):
            source = element.get_by_name(name)
            source.set_caps(track.caps)
            source.connect('need-data', self.feeder(track.samples, start, length))
        return element

    @staticmethod
    def feeder(samples, start, length):
        def endless():
            loop = 0
            while True:
                for sample in samples:
                    if sample.pts - start < length:  # a sound track may be a little longer than its picture
                        buffer = sample.copy()
                        buffer.pts = max(0, sample.pts - start + loop * length)
                        buffer.dts = Gst.CLOCK_TIME_NONE
                        yield buffer
                loop += 1

        buffers = endless()
        return lambda source, _wanted: source.emit('push-buffer', next(buffers))


class Shutter:
    """Ends the picture while the sound goes on. Pictures are paced before they are dropped, or they would be played as fast as they are read."""

    def __init__(self, wanted):
        self.wanted, self.closed, self.elements = wanted, False, []

    def element(self, track):
        return 'identity sync=true ! identity name=shutter !' if self.wanted and track.is_video else ''

    def add(self, element):
        if self.wanted:
            self.elements.append(element.get_by_name('shutter'))
            self.apply()

    def apply(self):
        for element in self.elements:
            element.set_property('drop-probability', 1.0 if self.closed else 0.0)

    def toggle(self):
        self.closed = not self.closed
        self.apply()
        return GLib.SOURCE_CONTINUE


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--port', default='8554')
    options.add_argument('--user')
    options.add_argument('--password', default='')
    options.add_argument('--mount', action='append', default=[], metavar='NAME=CLIP')
    options.add_argument('--only', nargs='+', metavar='NAME', help='offer these mounts and no others')
    options.add_argument('--shutter', action='store_true', help='SIGUSR2 ends the picture and brings it back; every mount needs one')
    chosen = options.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer(address='127.0.0.1', service=chosen.port)
    if chosen.user:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string('media.factory.role', 'viewer')
        auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
        auth.add_digest(chosen.user, chosen.password, token)
        server.set_auth(auth)
    shutter = Shutter(chosen.shutter)
    for name, clip in {**MOUNTS, **dict(mount.split('=', 1) for mount in chosen.mount)}.items():
        if chosen.only and name not in chosen.only:
            continue
        factory = Mount(CLIPS / clip, shutter)
        if chosen.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role('viewer', 'media.factory.access', True)
            permissions.add_permission_for_role('viewer', 'media.factory.construct', True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory('/' + name, factory)
    if not server.attach(None):
        raise SystemExit(f'port {chosen.port} is taken')
    loop = GLib.MainLoop()
    for number in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    if chosen.shutter:
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR2, shutter.toggle)
    print(f'port {server.get_bound_port()}', flush=True)
    loop.run()


main()
