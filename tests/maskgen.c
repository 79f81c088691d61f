/* maskgen - writes a grey PNG of WIDTH x HEIGHT pixels, black, with a white rectangle: a mask, for tests.
 * usage: maskgen WIDTH HEIGHT LEFT TOP RIGHT BOTTOM FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image-png.h"

int main(int argc, char **argv)
{
    struct image im = {0};
    struct file_out f;
    struct fmt_error e = {0};
    int number[6];
    for (int i = 0; i < 6 && argc == 8; i++)
        number[i] = atoi(argv[i + 1]);
    if (argc != 8 || image_reserve(&im, number[0], number[1], 1, &e) || file_create(&f, argv[7], &e)) {
        fprintf(stderr, "maskgen: %s\n", argc != 8 ? "WIDTH HEIGHT LEFT TOP RIGHT BOTTOM FILE" : e.text);
        return 2;
    }
    for (int y = 0; y < im.height; y++)
        for (int x = 0; x < im.width; x++)
            image_row(&im, y)[x] = x >= number[2] && y >= number[3] && x < number[4] && y < number[5] ? 255 : 0;
    struct fmt_writer io = file_writer(&f);
    int status = file_finish(&f, image_png_write(&im, &io, &e), &e);
    if (status)
        fprintf(stderr, "maskgen: %s\n", e.text);
    image_release(&im);
    return status != 0;
}
