"""How IRM and LNTL, which the paper only names, are adapted to the three MNIST variants: all in one place.

Both use the paper's CNN and the optimizer and rate schedule of every other method (`mnist.classifier`) in
place of those of their own papers, so that a difference between scores is one between objectives.

IRM (Arjovsky et al. 2019; appendix C of the CGN paper)
- Environments: every training digit appears in each environment, under its own draw of cues. In one of
  correlation rho a cue's class is the label's with probability rho, else uniform; foreground and
  background are drawn independently. irm_2: 0.9, 1.0. irm_5: 0.9, 0.925, 0.95, 0.975, 1.0.
- Colored MNIST, for which the paper gives no environments, gets the same ones; its only cue is the colour.
- A minibatch holds equally many images of each environment. Its batch norm, which acts on the pixels alone,
  sees all environments together.
- The squared gradient is estimated without bias by the product of the gradients of two half batches.
- The weight of the penalty is 0 until the share `penalty_start` of the run and then rises linearly, as the
  paper's appendix asks; above 1 the whole loss is divided by it; the optimizer begins anew when it starts.

LNTL (Kim et al. 2019)
- Three heads (R, G, B) read the colour in 8 bins at every cell of the second convolution's map. The map has
  13x13 cells here (14x14 in theirs); the target is the pixel at the centre of a cell's receptive field.
- Their two steps (label loss and entropy; colour loss through the reversed gradient) are taken in one
  update on the same minibatch. The heads still learn from the colour loss alone.
- The heads also learn during pre-training, with no effect on the features.
- Colored MNIST: as published; black pixels carry no cue and are ignored (`black_ground` of a variant).
- Double-colored MNIST: two cues, the digit's and the ground's colour. No pixel is black by design, so all are
  read: the same three heads see object and background.
- Wildlife MNIST: the cues are textures, for which LNTL has no head. The same three heads read the colour of
  every pixel, object and background: a stand-in for the texture, not all of it.
"""
