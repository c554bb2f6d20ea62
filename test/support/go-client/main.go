// Plays a stream until it has so many frames of video, or for so many seconds, and prints one JSON line with what came.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
)

func main() {
	frames, _ := strconv.Atoi(os.Args[2])
	seconds, _ := strconv.Atoi(os.Args[3])
	enough := make(chan struct{}, 1)
	var mu sync.Mutex
	counts := map[string]int{}
	last := map[string]int64{}
	back := 0
	c := &gohlslib.Client{URI: os.Args[1]}
	note := func(name string, dts int64) {
		mu.Lock()
		defer mu.Unlock()
		counts[name]++
		if p, ok := last[name]; ok && dts < p {
			back++
		}
		last[name] = dts
		if name == "video" && counts[name] == frames {
			enough <- struct{}{}
		}
	}
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, track := range tracks {
			switch track.Codec.(type) {
			case *codecs.H264, *codecs.H265:
				c.OnDataH26x(track, func(_ int64, dts int64, _ [][]byte) { note("video", dts) })
			case *codecs.MPEG4Audio:
				c.OnDataMPEG4Audio(track, func(pts int64, _ [][]byte) { note("audio", pts) })
			}
		}
		return nil
	}
	if err := c.Start(); err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait2() }()
	reason := ""
	select {
	case err := <-ended:
		reason = fmt.Sprint(err)
	case <-enough:
	case <-time.After(time.Duration(seconds) * time.Second):
	}
	mu.Lock()
	defer mu.Unlock()
	out, _ := json.Marshal(map[string]any{"counts": counts, "back": back, "error": reason})
	fmt.Println(string(out))
}
