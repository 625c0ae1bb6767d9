//go:build tools

// Package tools pins, with go.sum, the Docker Compose that compose.sh builds where no package has Compose 2.
package tools

import _ "github.com/docker/compose/v2/cmd"
